"""Certificates of an authority made up for one test run."""

from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["Certificates", "make_certificates"]


@dataclass(frozen=True)
class Certificates:
    """PEM files: our authority and a server's certificate by it; a client's; an authority nobody here uses."""

    ca: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path
    other_ca: Path


def make_certificates(folder: Path) -> Certificates:
    authority, stranger = trustme.CA(), trustme.CA()
    made = Certificates(
        ca=folder / "ca.pem",
        certificate=folder / "server.pem",
        key=folder / "server.key",
        client_certificate=folder / "client.pem",
        client_key=folder / "client.key",
        other_ca=folder / "other-ca.pem",
    )
    authority.cert_pem.write_to_path(made.ca)
    stranger.cert_pem.write_to_path(made.other_ca)
    server = authority.issue_cert("127.0.0.1", "localhost")
    server.cert_chain_pems[0].write_to_path(made.certificate)
    server.private_key_pem.write_to_path(made.key)
    client = authority.issue_cert("vss-router@example.org")
    client.cert_chain_pems[0].write_to_path(made.client_certificate)
    client.private_key_pem.write_to_path(made.client_key)
    return made

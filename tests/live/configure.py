#!/usr/bin/env python3
"""Write the configuration of a small call centre into an Asterisk root folder.

usage: configure.py ROOT [--ami-port 5038] [--tls-port 5039] [--sip-port 5070] [--agents 8] …

Queues `help` (ringall) and `orders` (rrmemory); agents PJSIP/2001.. answered by SIPp on the agent port;
callers arrive through PJSIP/trunk and dial 700 (help), 701 (orders) or an agent's number.
AMI accounts: `vss` / s3cret (everything), `pauser` / pa5ser (may QueuePause, not Setvar), `reader` / r3ader (neither),
TLS on its own port.
Queue `fence` has one member that nobody calls, for the fence by QueuePause.
"""

import argparse
import pathlib
import subprocess

NOT_NEEDED = """
    chan_iax2 chan_unistim chan_motif chan_console chan_dahdi chan_mobile res_config_pgsql res_config_odbc
    res_config_mysql res_config_ldap res_odbc cdr_pgsql cdr_odbc cdr_adaptive_odbc cdr_tds cdr_radius cel_pgsql
    cel_odbc cel_tds cel_radius cdr_beanstalkd cel_beanstalkd res_snmp res_corosync res_calendar res_xmpp
    pbx_dundi pbx_ael pbx_lua res_fax res_phoneprov res_hep res_stun_monitor app_voicemail app_voicemail_imap
    app_voicemail_odbc app_minivm app_festival
""".split()  # noqa: SIM905 - forty names read better so

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("root", type=pathlib.Path)
parser.add_argument("--ami-port", type=int, default=5038)
parser.add_argument("--tls-port", type=int, default=5039)
parser.add_argument("--sip-port", type=int, default=5070)
parser.add_argument("--agent-port", type=int, default=6101, help="where SIPp answers as the agents")
parser.add_argument("--caller-port", type=int, default=6199, help="where SIPp calls from")
parser.add_argument("--agents", type=int, default=8)
o = parser.parse_args()
etc = o.root / "etc/asterisk"
agents = range(2001, 2001 + o.agents)


def write(name: str, text: str) -> None:
    (etc / name).write_text(text)


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=etc)


# An authority of its own, and the certificate it signs, as people with many PBXs have it.
write("tls-ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
write("tls-ami.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
for name, subject in (("ca", "/CN=Live test authority"), ("ami", "/CN=localhost")):
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
own = ("-signkey", "ca.key", "-days", "30", "-extfile", "tls-ca.ext")
openssl("x509", "-req", "-in", "ca.csr", *own, "-out", "ca.crt")
signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "tls-ami.ext")
openssl("x509", "-req", "-in", "ami.csr", *signed, "-out", "ami.crt")
for file in ("ca.crt", "ami.key", "ami.crt"):
    (etc / file).chmod(0o644)
write(
    "manager.conf",
    f"""[general]
enabled = yes
port = {o.ami_port}
bindaddr = 127.0.0.1
timestampevents = yes
tlsenable = yes
tlsbindaddr = 127.0.0.1:{o.tls_port}
tlscertfile = /etc/asterisk/ami.crt
tlsprivatekey = /etc/asterisk/ami.key
[vss]
secret = s3cret
read = all
write = all
writetimeout = 5000
[pauser]
secret = pa5ser
read = call,agent,system
write = system,agent,reporting
[reader]
secret = r3ader
read = call,agent,system
write = system
""",
)
write("modules.conf", "[modules]\nautoload = yes\n" + "".join(f"noload => {m}.so\n" for m in NOT_NEEDED))
write("logger.conf", "[general]\n[logfiles]\nmessages => notice,warning,error\n")
# Transfers by AMI (Atxfer) go through these features; calls are parked in the default lot.
write("features.conf", "[general]\n[featuremap]\nblindxfer => #1\natxfer => *2\n")
write("res_parking.conf", "[general]\n[default]\nparkext => 750\nparkpos => 751-770\ncontext => parked\n")
write("http.conf", "[general]\nenabled=no\n")
write("rtp.conf", "[general]\nrtpstart=20000\nrtpend=24000\n")
write(
    "pjsip.conf",
    f"""[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:{o.sip_port}
[trunk]
type=endpoint
context=from-trunk
disallow=all
allow=ulaw
aors=trunk
identify_by=username
direct_media=no
[trunk]
type=aor
contact=sip:trunk@127.0.0.1:{o.caller_port}
"""
    + "".join(
        f"""[{n}]
type=endpoint
context=internal
disallow=all
allow=ulaw
aors={n}
identify_by=username
direct_media=no
callerid="Agent {n}" <{n}>
device_state_busy_at=1
[{n}]
type=aor
contact=sip:{n}@127.0.0.1:{o.agent_port}
qualify_frequency=0
"""
        for n in agents
    ),
)
members = "\n".join(f"member => PJSIP/{n},0,Agent {n},PJSIP/{n}" for n in agents)
write(
    "queues.conf",
    f"""[general]
persistentmembers = no
autofill = yes
[help]
strategy = ringall
timeout = 10
wrapuptime = 3
joinempty = yes
ringinuse = no
{members}
[orders]
strategy = rrmemory
timeout = 8
wrapuptime = 2
joinempty = yes
ringinuse = no
{members}
[fence]
strategy = linear
member => Local/s@hold,0,Fence,Local/s@hold
""",
)
write(
    "extensions.conf",
    """[general]
[from-trunk]
exten => 700,1,Answer()
 same => n,Queue(help,rtT,,,40)
 same => n,Hangup()
exten => 701,1,Answer()
 same => n,Queue(orders,rtT,,,30)
 same => n,Hangup()
exten => _20XX,1,Dial(PJSIP/${EXTEN},15,tT)
 same => n,Hangup()
[internal]
exten => _20XX,1,Dial(PJSIP/${EXTEN},15,tT)
 same => n,Hangup()
exten => _70X,1,Goto(from-trunk,${EXTEN},1)
[parked]
[autodial]
exten => _X.,1,Answer()
 same => n,Queue(orders,rt,,,20)
 same => n,Hangup()
[hold]
exten => s,1,Answer()
 same => n,Wait(300)
""",
)

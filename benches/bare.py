"""`python -m benches.bare PORT`: a bare Litestar route that answers constant bytes, what our reads are measured beside.

The bytes are of an operator's row's size; the server is uvicorn as it stands after `pip install uvicorn[standard]`.
"""

import sys
from typing import Final

import uvicorn
from litestar import Litestar, MediaType, get

PATH: Final = "/constant"
BODY: Final = b'{"constant":"' + b"x" * 700 + b'"}'


@get(PATH, media_type=MediaType.JSON)
async def constant() -> bytes:
    return BODY


def main() -> None:
    app = Litestar([constant], openapi_config=None, logging_config=None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)


if __name__ == "__main__":
    main()

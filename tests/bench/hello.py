"""The least a FastAPI service can be: what a complete screening is measured against."""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/hello")
def hello(body: dict[str, object]) -> dict[str, str]:
    """Answer a POST with a body, as a screening has one."""
    return {"hello": "world"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)

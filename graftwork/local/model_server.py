"""Serves one small GGUF model over OpenAI's API, for chat and for embeddings, until it is told to stop.

Run by path as ``python -P model_server.py --model FILE --port N ...``, a child process: the engine keeps cores
busy and ends with its process only.
"""

import argparse
import signal

from xllamacpp import CommonParams
from xllamacpp import Server
from xllamacpp import llama_pooling_type

HOST = "127.0.0.1"
PROMPT_CACHE_MIB = 128  # llama.cpp's own default is 8 GiB
QUIET = 2  # warnings and errors


def parameters(options: argparse.Namespace) -> CommonParams:
    """Return the engine's parameters."""
    engine = CommonParams()
    engine.model.path = options.model
    engine.model_alias = {options.alias}
    engine.hostnames = [HOST]
    engine.port = options.port
    engine.cors_origins = f"http://{HOST}"  # else any web page open on this machine may ask it
    engine.n_parallel = options.slots
    engine.n_ctx = options.slots * options.slot_tokens
    engine.cpuparams.n_threads = options.threads
    engine.cpuparams_batch.n_threads = options.threads
    engine.cache_ram_mib = PROMPT_CACHE_MIB
    # With both set, one instance answers chats and embeddings; without the second, embeddings are refused.
    engine.embedding = True
    engine.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_LAST
    engine.verbosity = QUIET
    return engine


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser()
    for text in ("--model", "--alias"):
        parser.add_argument(text, required=True)
    for number in ("--port", "--slots", "--slot-tokens", "--threads"):
        parser.add_argument(number, type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    server = Server(parameters(parse()))
    signal.pause()  # it serves from threads of its own; SIGTERM ends them with the process

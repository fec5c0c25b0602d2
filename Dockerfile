# One service, chosen by SERVICE:
#   docker build --build-arg SERVICE=search --tag graftwork/search:0.1.0 .
# A solver pod that owns its engine, on an image that has vLLM and CUDA in it:
#   docker build --build-arg SERVICE=solvers --build-arg BASE=vllm/vllm-openai:v0.32.0 --tag graftwork/solvers-vllm:0.1.0 .
ARG BASE=python:3.11.14-slim-bookworm

# The same base twice: an environment is tied to the interpreter that it was made with.
FROM ${BASE} AS build
ARG SERVICE
USER root
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv scripts/image-install "${SERVICE}" /opt/graftwork

FROM ${BASE}
ARG SERVICE
USER root
COPY scripts/image-packages /tmp/
RUN apt-get update \
    && apt-get install --yes --no-install-recommends $(/tmp/image-packages "${SERVICE}") \
    && rm -rf /var/lib/apt/lists/* /tmp/image-packages \
    # a name for the user, which torch asks for; /tmp is the one place where it may write
    && useradd --uid 10001 --user-group --home-dir /tmp --no-create-home --shell /usr/sbin/nologin graftwork
# where every deployment looks for the engine, if this is a base that has one
ARG BASE
RUN case "${BASE}" in vllm/*) test -x /usr/local/bin/vllm ;; esac
COPY --from=build /opt/graftwork /opt/graftwork
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
EXPOSE 8080 50051
# tini collects what the processes of sandboxes and engines leave behind
ENTRYPOINT ["tini", "--", "/opt/graftwork/bin/serve"]
CMD []

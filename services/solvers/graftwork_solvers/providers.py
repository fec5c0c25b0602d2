"""Who is behind an endpoint, under the names that OpenTelemetry has for providers of models."""

from urllib.parse import urlsplit

from graftwork_solvers.engine_door import ENGINE_URL

_BY_HOST = {
    urlsplit(ENGINE_URL).hostname: "vllm",
    "api.anthropic.com": "anthropic",
    "api.cohere.ai": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
_BY_DOMAIN = {".openai.azure.com": "azure.ai.openai", "aiplatform.googleapis.com": "gcp.vertex_ai"}
# The name stands for the form of the API; the server's address tells whose it is.
_OTHERS = "openai"


def provider_of(url: str) -> str:
    """Value of ``gen_ai.provider.name`` for the endpoint at ``url``."""
    host = urlsplit(url).hostname or ""
    by_domain = (name for domain, name in _BY_DOMAIN.items() if host.endswith(domain))
    return _BY_HOST.get(host) or next(by_domain, _OTHERS)

"""OpenAI-compatible endpoints: what they are asked, what they answer, what their refusals mean."""

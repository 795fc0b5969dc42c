"""What a process tells of itself."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from fieldstock_dev.stack import Stack


async def metric(stack: Stack, process: str, name: str) -> float:
    """The one sample of this name. Raises ValueError when there is none, or several."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(stack.metrics_url(process))).text
    families = text_string_to_metric_families(text)
    (value,) = (sample.value for family in families for sample in family.samples if sample.name == name)
    return value

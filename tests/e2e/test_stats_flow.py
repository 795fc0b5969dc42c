"""The fleet in numbers on a dashboard, through Envoy."""


async def test_a_dashboard_sees_the_numbers_that_rest_shows_and_hears_when_a_device_begins_to_speak(
    admin, ready, ear, speak
):
    await ear.subscribe("stats")
    snapshot = await ear.hear("snapshot", topic="stats")
    (shown,) = snapshot["items"]
    assert shown.keys() == (await admin("GET", "/monitoring/stats")).keys()
    assert shown["devices"]["never_seen"] >= 1

    stream = ready.stream(await ready.token_when_deployed())
    await stream.write(speak(1, {"humidity_of_this_test": 40.5}))
    await stream.done_writing()
    await stream
    told = await ear.hear("stats", within=15)
    while "humidity_of_this_test" not in told["metrics"]:
        told = await ear.hear("stats", within=15)
    assert told["version"] > snapshot["version"]
    told.pop("version")
    assert told.keys() == shown.keys()
    now = await admin("GET", "/monitoring/stats")
    assert told["metrics"]["humidity_of_this_test"] == now["metrics"]["humidity_of_this_test"]
    assert told["devices"]["online"] >= 1

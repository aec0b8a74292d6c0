"""A participant's adverse events, as shown on the participant's page."""


def events(participant, user, today):
    rows = list(participant.adverse_events.order_by("number"))
    for event in rows:
        event.participant = participant
    return {"template": "adverse_events/panel.html", "rows": rows, "participant": participant}

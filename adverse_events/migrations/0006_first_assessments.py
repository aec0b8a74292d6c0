from django.db import migrations

JUDGED = (
    'is_fatal',
    'is_life_threatening',
    'is_hospitalization',
    'is_incapacity',
    'is_congenital_anomaly',
    'is_important_medical_event',
    'grade',
    'outcome',
    'causality',
)


def assess(apps, schema_editor):
    """What was recorded before judgements were kept counts as judged when it was reported."""
    event_model, assessment_model, episode_model = (
        apps.get_model('adverse_events', name) for name in ('AdverseEvent', 'Assessment', 'GradeEpisode')
    )
    for event in event_model.objects.order_by('pk').iterator():
        assessment_model.objects.create(
            event=event,
            number=1,
            party='site',
            made_at=event.reported_at,
            made_by_id=event.reported_by_id,
            **{name: getattr(event, name) for name in JUDGED},
        )
        if event.grade is not None:
            facts = {'recorded_at': event.reported_at, 'recorded_by_id': event.reported_by_id}
            episode_model.objects.create(event=event, grade=event.grade, since=event.started, **facts)


class Migration(migrations.Migration):

    dependencies = [
        ('adverse_events', '0005_judgements'),
    ]

    operations = [migrations.RunPython(assess, migrations.RunPython.noop)]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '__first__'),
        ('protocol', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('job', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Mail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100, unique=True)),
                ('kind', models.CharField(choices=[('digest', 'Daily digest'), ('urgent', 'Urgent, at once'), ('test', 'Test')], default='digest', max_length=10)),
                ('state', models.CharField(choices=[('due', 'Waiting'), ('claimed', 'Being sent'), ('sent', 'Sent'), ('failed', 'Failed, needs a person'), ('cancelled', 'Cancelled, nothing left to say')], default='due', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('next_try_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('address', models.EmailField(blank=True, max_length=254)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('body', models.TextField(blank=True)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('failure', models.CharField(blank=True, choices=[('server', 'The mail server cannot be used'), ('refused', 'Refused for now'), ('uncertain', 'No answer: it may have gone out'), ('permanent', 'Refused for good')], max_length=10)),
                ('may_have_gone', models.BooleanField(default=False, help_text='A try ended without an answer, so a second copy is possible.')),
                ('cancelled_why', models.CharField(blank=True, max_length=200)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('site', models.ForeignKey(blank=True, help_text='Empty: about several sites.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocol.site')),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'next_try_at'], name='mail_ready'), models.Index(fields=['site', '-created_at'], name='mail_listing'), models.Index(fields=['-created_at', '-id'], name='mail_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at', None)), _connector='OR'), name='mail_sent_with_time'), models.CheckConstraint(condition=models.Q(('state__in', ['due', 'claimed', 'sent', 'failed', 'cancelled'])), name='mail_state_known'), models.CheckConstraint(condition=models.Q(('state', 'cancelled'), ('cancelled_why', ''), _connector='OR'), name='mail_reason_of_cancelled')],
            },
        ),
        migrations.CreateModel(
            name='MutedStage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(max_length=40)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='muted_stages', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'stage'), name='muted_stage_once')],
            },
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest_time', models.TimeField(blank=True, null=True, verbose_name='daily mail at')),
                ('quiet_from', models.TimeField(blank=True, null=True)),
                ('quiet_to', models.TimeField(blank=True, null=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='reminder_preference', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False)), _connector='OR'), name='preference_quiet_hours_whole', violation_error_message='Quiet from and quiet to belong together: give all of them or none.')],
            },
        ),
        migrations.CreateModel(
            name='Acknowledgement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=20)),
                ('object_id', models.BigIntegerField()),
                ('until_on', models.DateField(help_text='The last day, at the site, on which nobody is told.')),
                ('reason', models.CharField(max_length=500)),
                ('acknowledged_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocol.site')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('source', 'object_id'), name='acknowledgement_one_in_force', violation_error_message='This is acknowledged already.'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='acknowledgement_reason', violation_error_message='Say why nobody needs to be reminded until then.')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dedupe_key', models.CharField(max_length=120, unique=True)),
                ('source', models.CharField(help_text='A key of settings.REMINDER_SOURCES.', max_length=20)),
                ('object_id', models.BigIntegerField()),
                ('stage', models.CharField(max_length=40)),
                ('turn', models.PositiveIntegerField(default=0, help_text='Which time, of a stage that comes again.')),
                ('is_urgent', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('cancelled_why', models.CharField(blank=True, max_length=200)),
                ('mail', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='outbox.mail')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocol.site')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('cancelled_at', None), ('mail', None)), fields=['recipient', 'site'], name='notice_untold'), models.Index(fields=['source', 'object_id'], name='notice_matter')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', True), ('cancelled_why', '')), models.Q(('cancelled_at__isnull', False), models.Q(('cancelled_why', ''), _negated=True)), _connector='OR'), name='notice_cancelled_why', violation_error_message='Cancelled why is needed when this is recorded.')],
            },
        ),
    ]

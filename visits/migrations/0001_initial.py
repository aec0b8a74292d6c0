import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '__first__'),
        ('participants', '0001_initial'),
        ('protocol', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='VersionChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_version', models.CharField(max_length=20)),
                ('to_version', models.CharField(max_length=20)),
                ('consented_on', models.DateField(verbose_name='consented to the amendment on')),
                ('reason', models.CharField(max_length=500)),
                ('changed_at', models.DateTimeField()),
                ('changed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='version_changes', to='participants.participant')),
            ],
            options={
                'ordering': ['changed_at', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('participant', 'to_version'), name='version_change_once'), models.CheckConstraint(condition=models.Q(models.Q(('from_version', models.F('to_version')), _negated=True), models.Q(('reason', ''), _negated=True)), name='version_change_changes_for_a_reason', violation_error_message='A change of version needs another version and a reason.')],
            },
        ),
        migrations.CreateModel(
            name='Visit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('code', models.CharField(max_length=20)),
                ('unplanned', models.CharField(blank=True, max_length=40)),
                ('order', models.PositiveSmallIntegerField()),
                ('protocol_version', models.CharField(blank=True, max_length=20)),
                ('dropped_in', models.CharField(blank=True, max_length=20)),
                ('target_on', models.DateField(blank=True, null=True)),
                ('opens_on', models.DateField(blank=True, null=True)),
                ('closes_on', models.DateField(blank=True, null=True)),
                ('attended_on', models.DateField(blank=True, null=True)),
                ('attended_at', models.DateTimeField(blank=True, null=True, verbose_name='logged at')),
                ('out_of_window_reason', models.CharField(blank=True, max_length=500)),
                ('visit_type', models.CharField(blank=True, max_length=40, verbose_name='how it took place')),
                ('late_entry_reason', models.CharField(blank=True, max_length=500)),
                ('note', models.CharField(blank=True, max_length=1000)),
                ('missed_at', models.DateTimeField(blank=True, null=True)),
                ('missed_reason', models.CharField(blank=True, max_length=500)),
                ('attended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('missed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='visits', to='participants.participant')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocol.site')),
            ],
            options={
                'ordering': ['participant', 'order'],
                'indexes': [models.Index(condition=models.Q(('attended_on', None), ('missed_at', None)), fields=['site', 'closes_on'], name='visit_open_by_window'), models.Index(fields=['site', 'target_on', 'id'], name='visit_listing'), models.Index(fields=['target_on', 'id'], name='visit_listing_all'), models.Index(fields=['opens_on', 'id'], name='visit_by_opening'), models.Index(fields=['closes_on', 'id'], name='visit_by_closing'), models.Index(fields=['attended_on', 'id'], name='visit_by_attendance')],
                'constraints': [models.UniqueConstraint(fields=('participant', 'code'), name='visit_once_per_code'), models.CheckConstraint(condition=models.Q(models.Q(('closes_on__isnull', True), ('opens_on__isnull', True)), models.Q(('closes_on__isnull', False), ('opens_on__isnull', False)), _connector='OR'), name='visit_window_whole', violation_error_message='Opens on and closes on belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(('opens_on', None), ('closes_on__gte', models.F('opens_on')), _connector='OR'), name='visit_closes_after_opening', violation_error_message='The window cannot close before it opens.'), models.CheckConstraint(condition=models.Q(('opens_on', None), models.Q(('target_on__gte', models.F('opens_on')), ('target_on__lte', models.F('closes_on'))), _connector='OR'), name='visit_target_in_window', violation_error_message='The target lies in its window.'), models.CheckConstraint(condition=models.Q(models.Q(('attended_at__isnull', True), ('attended_by__isnull', True), ('attended_on__isnull', True)), models.Q(('attended_at__isnull', False), ('attended_by__isnull', False), ('attended_on__isnull', False)), _connector='OR'), name='visit_attendance_whole', violation_error_message='Attended on and attended at and attended by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('missed_at__isnull', True), ('missed_by__isnull', True)), models.Q(('missed_at__isnull', False), ('missed_by__isnull', False)), _connector='OR'), name='visit_missed_whole', violation_error_message='Missed at and missed by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('missed_at__isnull', True), ('missed_reason', '')), models.Q(('missed_at__isnull', False), models.Q(('missed_reason', ''), _negated=True)), _connector='OR'), name='visit_missed_reason', violation_error_message='Missed reason is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(('attended_on', None), ('missed_at', None), _connector='OR'), name='visit_attended_or_missed', violation_error_message='A visit is either attended or missed, not both.'), models.CheckConstraint(condition=models.Q(('unplanned', ''), models.Q(('attended_on__isnull', False), ('opens_on', None)), _connector='OR'), name='visit_unplanned_took_place', violation_error_message='A visit outside the schedule has no window and has taken place.'), models.CheckConstraint(condition=models.Q(('dropped_in', ''), models.Q(('attended_on', None), ('missed_at', None)), _connector='OR'), name='visit_dropped_before_it_happened', violation_error_message='A visit that happened cannot be dropped.'), models.CheckConstraint(condition=models.Q(('attended_on__isnull', False), models.Q(('late_entry_reason', ''), ('note', ''), ('visit_type', '')), _connector='OR'), name='visit_told_when_attended', violation_error_message='How a visit took place is told of an attended visit only.')],
            },
        ),
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_sha256', models.CharField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('fetched_at', models.DateTimeField(blank=True, null=True, verbose_name='last fetched')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='calendar_feeds', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['made_at', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('user',), name='feed_one_in_force', violation_error_message='This person has a calendar address already.')],
            },
        ),
        migrations.CreateModel(
            name='Deviation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('number', models.PositiveIntegerField(verbose_name='number within the participant')),
                ('category', models.CharField(max_length=40)),
                ('happened_on', models.DateField(verbose_name='date happened')),
                ('found_on', models.DateField(verbose_name='date found')),
                ('description', models.CharField(max_length=2000)),
                ('drafted_at', models.DateTimeField()),
                ('impact', models.CharField(blank=True, max_length=1000, verbose_name='impact on the participant and the data')),
                ('action', models.CharField(blank=True, max_length=1000, verbose_name='corrective action')),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('severity', models.CharField(blank=True, choices=[('minor', 'Minor'), ('major', 'Major')], max_length=10, verbose_name='minor or major')),
                ('is_reportable', models.BooleanField(blank=True, null=True, verbose_name='to be reported to the IRB')),
                ('classified_at', models.DateTimeField(blank=True, null=True)),
                ('reported_on', models.DateField(blank=True, null=True, verbose_name='reported to the IRB on')),
                ('closed_on', models.DateField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('voided_at', models.DateTimeField(blank=True, null=True)),
                ('voided_reason', models.CharField(blank=True, max_length=500)),
                ('classified_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('completed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('drafted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deviations', to='participants.participant')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocol.site')),
                ('voided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('visit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deviations', to='visits.visit')),
            ],
            options={
                'ordering': ['participant', 'number'],
                'indexes': [models.Index(condition=models.Q(('closed_at', None), ('voided_at', None)), fields=['site'], name='deviation_open'), models.Index(fields=['site', 'found_on', 'id'], name='deviation_listing')],
                'constraints': [models.UniqueConstraint(fields=('participant', 'number'), name='deviation_number_once'), models.UniqueConstraint(condition=models.Q(('visit__isnull', False), ('voided_at', None)), fields=('visit', 'category'), name='deviation_once_per_visit_and_category'), models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', True), ('completed_by__isnull', True)), models.Q(('completed_at__isnull', False), ('completed_by__isnull', False)), _connector='OR'), name='deviation_completion_whole', violation_error_message='Completed at and completed by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', True), ('impact', '')), models.Q(('completed_at__isnull', False), models.Q(('impact', ''), _negated=True)), _connector='OR'), name='deviation_impact', violation_error_message='Impact is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(models.Q(('action', ''), ('completed_at__isnull', True)), models.Q(('completed_at__isnull', False), models.Q(('action', ''), _negated=True)), _connector='OR'), name='deviation_action', violation_error_message='Action is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(models.Q(('classified_at__isnull', True), ('classified_by__isnull', True), ('is_reportable__isnull', True)), models.Q(('classified_at__isnull', False), ('classified_by__isnull', False), ('is_reportable__isnull', False)), _connector='OR'), name='deviation_classification_whole', violation_error_message='Classified at and classified by and is reportable belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('classified_at__isnull', True), ('severity', '')), models.Q(('classified_at__isnull', False), models.Q(('severity', ''), _negated=True)), _connector='OR'), name='deviation_severity', violation_error_message='Severity is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by__isnull', True), ('closed_on__isnull', True)), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('closed_on__isnull', False)), _connector='OR'), name='deviation_closing_whole', violation_error_message='Closed on and closed at and closed by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('voided_at__isnull', True), ('voided_by__isnull', True)), models.Q(('voided_at__isnull', False), ('voided_by__isnull', False)), _connector='OR'), name='deviation_voiding_whole', violation_error_message='Voided at and voided by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('voided_at__isnull', True), ('voided_reason', '')), models.Q(('voided_at__isnull', False), models.Q(('voided_reason', ''), _negated=True)), _connector='OR'), name='deviation_voided_reason', violation_error_message='Voided reason is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(('classified_at', None), ('completed_at__isnull', False), _connector='OR'), name='deviation_completed_before_classified', violation_error_message='A deviation is completed before it is classified.'), models.CheckConstraint(condition=models.Q(('closed_at', None), models.Q(('classified_at__isnull', False), models.Q(('is_reportable', False), ('reported_on__isnull', False), _connector='OR')), _connector='OR'), name='deviation_closed_when_reported', violation_error_message='A deviation is closed once classified, and reported where it must be.'), models.CheckConstraint(condition=models.Q(('happened_on__lte', models.F('found_on'))), name='deviation_found_after_it_happened', violation_error_message='A deviation cannot be found before it happens.')],
            },
        ),
        migrations.CreateModel(
            name='ContactAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tried_on', models.DateField()),
                ('means', models.CharField(help_text='How, in the words of the protocol.', max_length=200)),
                ('outcome', models.CharField(max_length=500)),
                ('recorded_at', models.DateTimeField()),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contacts', to='visits.visit')),
            ],
            options={
                'ordering': ['tried_on', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Booking',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('starts_at', models.DateTimeField(help_text="The instant agreed, in UTC; shown in the site's time.")),
                ('booked_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('cancelled_reason', models.CharField(blank=True, max_length=500)),
                ('booked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('cancelled_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bookings', to='visits.visit')),
            ],
            options={
                'ordering': ['starts_at', 'pk'],
                'indexes': [models.Index(condition=models.Q(('cancelled_at', None)), fields=['starts_at'], name='booking_agenda')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('cancelled_at', None)), fields=('visit',), name='booking_one_in_force', violation_error_message='This visit is booked already.'), models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', True), ('cancelled_by__isnull', True)), models.Q(('cancelled_at__isnull', False), ('cancelled_by__isnull', False)), _connector='OR'), name='booking_cancelling_whole', violation_error_message='Cancelled at and cancelled by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', True), ('cancelled_reason', '')), models.Q(('cancelled_at__isnull', False), models.Q(('cancelled_reason', ''), _negated=True)), _connector='OR'), name='booking_cancelled_reason', violation_error_message='Cancelled reason is needed when this is recorded.')],
            },
        ),
        migrations.CreateModel(
            name='VisitChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('added', 'Added'), ('moved', 'Moved'), ('dropped', 'Dropped')], max_length=10)),
                ('old_target_on', models.DateField(blank=True, null=True)),
                ('old_opens_on', models.DateField(blank=True, null=True)),
                ('old_closes_on', models.DateField(blank=True, null=True)),
                ('new_target_on', models.DateField(blank=True, null=True)),
                ('new_opens_on', models.DateField(blank=True, null=True)),
                ('new_closes_on', models.DateField(blank=True, null=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='visits', to='visits.versionchange')),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='version_changes', to='visits.visit')),
            ],
            options={
                'ordering': ['change', 'visit__order'],
                'constraints': [models.UniqueConstraint(fields=('change', 'visit'), name='visit_change_once'), models.CheckConstraint(condition=models.Q(models.Q(('old_closes_on__isnull', True), ('old_opens_on__isnull', True), ('old_target_on__isnull', True)), models.Q(('old_closes_on__isnull', False), ('old_opens_on__isnull', False), ('old_target_on__isnull', False)), _connector='OR'), name='visit_change_old_window_whole', violation_error_message='Old target on and old opens on and old closes on belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('new_closes_on__isnull', True), ('new_opens_on__isnull', True), ('new_target_on__isnull', True)), models.Q(('new_closes_on__isnull', False), ('new_opens_on__isnull', False), ('new_target_on__isnull', False)), _connector='OR'), name='visit_change_new_window_whole', violation_error_message='New target on and new opens on and new closes on belong together: give all of them or none.')],
            },
        ),
        migrations.CreateModel(
            name='VisitProcedure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('code', models.CharField(help_text="The procedure's code in the protocol.", max_length=40)),
                ('is_done', models.BooleanField(verbose_name='done')),
                ('not_done_reason', models.CharField(blank=True, max_length=500)),
                ('finding', models.CharField(blank=True, help_text='What was found, in the words of the protocol.', max_length=200)),
                ('recorded_at', models.DateTimeField()),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='procedures', to='visits.visit')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('visit', 'code'), name='procedure_once_per_visit'), models.CheckConstraint(condition=models.Q(models.Q(('is_done', True), ('not_done_reason', '')), models.Q(('is_done', False), models.Q(('not_done_reason', ''), _negated=True)), _connector='OR'), name='procedure_done_or_reason', violation_error_message='A procedure is either done, or not done for a reason.'), models.CheckConstraint(condition=models.Q(('finding', ''), ('is_done', True), _connector='OR'), name='procedure_finding_when_done', violation_error_message='Only a procedure that was done finds something.')],
            },
        ),
        migrations.CreateModel(
            name='WindowMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('old_target_on', models.DateField()),
                ('old_opens_on', models.DateField()),
                ('old_closes_on', models.DateField()),
                ('new_target_on', models.DateField()),
                ('new_opens_on', models.DateField()),
                ('new_closes_on', models.DateField()),
                ('correction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='participants.day0correction')),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='visits.visit')),
            ],
            options={
                'ordering': ['correction', 'visit__order'],
                'constraints': [models.UniqueConstraint(fields=('correction', 'visit'), name='move_once_per_correction')],
            },
        ),
    ]

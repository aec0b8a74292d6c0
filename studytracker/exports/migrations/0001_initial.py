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
            name='ExportJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('datasets', models.JSONField(verbose_name='what')),
                ('format', models.CharField(max_length=20)),
                ('level', models.CharField(choices=[('study_day', 'Study days only'), ('coded', 'Coded, with dates'), ('shifted', 'Shifted dates'), ('identified', 'As recorded')], max_length=20, verbose_name='privacy')),
                ('purpose', models.CharField(max_length=200)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason for exporting as recorded')),
                ('requested_at', models.DateTimeField()),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('step', models.CharField(blank=True, max_length=100)),
                ('step_number', models.PositiveSmallIntegerField(default=0)),
                ('rows_done', models.PositiveBigIntegerField(default=0)),
                ('rows_total', models.PositiveBigIntegerField(default=0)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('file_name', models.CharField(blank=True, max_length=100)),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                ('manifest', models.JSONField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('failed_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=1000)),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('cancelled_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sites', models.ManyToManyField(related_name='+', to='protocol.site')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('cancelled_at', None), ('failed_at', None), ('finished_at', None)), fields=['requested_at'], name='export_unfinished'), models.Index(fields=['-requested_at', '-id'], name='export_history')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', True), ('cancelled_by__isnull', True)), models.Q(('cancelled_at__isnull', False), ('cancelled_by__isnull', False)), _connector='OR'), name='export_cancelling_whole', violation_error_message='Cancelled at and cancelled by belong together: give all of them or none.'), models.CheckConstraint(condition=models.Q(models.Q(('error', ''), ('failed_at__isnull', True)), models.Q(('failed_at__isnull', False), models.Q(('error', ''), _negated=True)), _connector='OR'), name='export_failure_told', violation_error_message='Error is needed when this is recorded.'), models.CheckConstraint(condition=models.Q(models.Q(('expires_at', None), ('file_name', ''), ('finished_at', None), ('sha256', '')), models.Q(('cancelled_at', None), ('expires_at__isnull', False), ('failed_at', None), ('finished_at__isnull', False), models.Q(('file_name', ''), _negated=True), models.Q(('sha256', ''), _negated=True)), _connector='OR'), name='export_finished_with_file', violation_error_message='A finished export has its file, checksum and expiry, and no other does.'), models.CheckConstraint(condition=models.Q(models.Q(('level', 'identified'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='export_identified_with_reason', violation_error_message='An export as recorded needs its reason.')],
            },
        ),
        migrations.CreateModel(
            name='Download',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('downloaded_at', models.DateTimeField()),
                ('downloaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='downloads', to='exports.exportjob')),
            ],
            options={
                'ordering': ['downloaded_at', 'pk'],
            },
        ),
    ]

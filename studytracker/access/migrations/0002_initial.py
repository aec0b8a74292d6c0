import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '0001_initial'),
        ('protocol', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='site',
            field=models.ForeignKey(blank=True, help_text='Empty: every site.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='protocol.site'),
        ),
        migrations.AddField(
            model_name='membership',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None), ('site__isnull', False)), fields=('user', 'site', 'role'), name='membership_once_per_site', violation_error_message='This person already holds this role at this site.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None), ('site__isnull', True)), fields=('user', 'role'), name='membership_once_trial_wide', violation_error_message='This person already holds this role for the whole trial.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['coordinator', 'investigator', 'chair', 'monitor', 'administrator'])), name='membership_role_known', violation_error_message='This role is not known.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role__in', ['administrator', 'chair', 'monitor']), ('site__isnull', True)), models.Q(('site__isnull', False), models.Q(('role__in', ['administrator', 'chair']), _negated=True)), _connector='OR'), name='membership_site_fits_role', violation_error_message='Coordinators and investigators belong to a site; the study chair and administrators to the whole trial.'),
        ),
    ]

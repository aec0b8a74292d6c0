from django.urls import path

from . import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-in/again/", views.sign_in_again, name="sign_in_again"),
    path("password/", views.ChangePassword.as_view(), name="change_password"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
]

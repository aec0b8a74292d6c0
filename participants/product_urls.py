from django.urls import path

from . import product_views as views

urlpatterns = [
    path("", views.product, name="product"),
    path("custody/", views.custody, name="custody"),
    path("new/", views.new_lot, name="new_lot"),
    path("<row:pk>/", views.lot, name="lot"),
    path("<row:pk>/release/", views.release_lot, name="release_lot"),
    path("<row:pk>/custody/", views.record_custody, name="record_custody"),
]

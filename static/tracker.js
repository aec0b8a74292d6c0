// Small comforts. Every page works without this file.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");

  // Runs in <head>, before the first paint, so that a dark page never flashes white.
  function follow() {
    root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  }
  follow();
  dark.addEventListener("change", follow);

  var opened = [];
  window.addEventListener("beforeprint", function () {
    root.setAttribute("data-bs-theme", "light");
    opened = Array.prototype.slice.call(document.querySelectorAll("main details:not([open])"));
    opened.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (details) { details.open = false; });
    opened = [];
    follow();
  });

  function showPassword(button) {
    var box = document.getElementById(button.getAttribute("data-shows"));
    button.hidden = false;
    button.addEventListener("click", function () {
      var shown = box.type === "text";
      box.type = shown ? "password" : "text";
      button.textContent = shown ? "Show" : "Hide";
      button.setAttribute("aria-pressed", String(!shown));
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    var summary = document.querySelector(".error-summary");
    if (summary) { summary.focus(); }
    document.querySelectorAll("[data-shows]").forEach(showPassword);
    document.querySelectorAll("[data-prints]").forEach(function (button) {
      button.hidden = false;
      button.addEventListener("click", function () { window.print(); });
    });
  });

  // A second click on a button that already sends does nothing; coming back to the page frees it.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post") { return; }
    if (form.hasAttribute("data-sent")) { event.preventDefault(); }
    form.setAttribute("data-sent", "");
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { form.removeAttribute("data-sent"); });
  });

  // A fragment that comes back with errors is read out from its summary.
  document.addEventListener("htmx:afterSwap", function (event) {
    var summary = event.target.querySelector && event.target.querySelector(".error-summary");
    if (summary) { summary.focus(); }
  });

  // An open menu closes with Escape and when the focus leaves it.
  document.addEventListener("keydown", function (event) {
    var menu = document.querySelector(".user-menu[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll(".user-menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
})();

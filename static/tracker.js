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

  // Marks what nobody answered yet, as the server does for a browser without this file. Saves nothing.
  function ticks(button) {
    button.addEventListener("click", function (event) {
      event.preventDefault();
      button.form.querySelectorAll('input[type="radio"][value="' + button.getAttribute("data-ticks") + '"]').forEach(function (radio) {
        if (!button.form.querySelector('input[name="' + radio.name + '"]:checked')) { radio.checked = true; }
      });
      button.form.dispatchEvent(new Event("change"));
    });
  }

  // Puts back what was kept of a form. What one showing of the form carries, such as its one-time key, stays its own.
  function restoreDraft(script) {
    var typed = JSON.parse(script.textContent).typed;
    Array.prototype.forEach.call(script.closest("form").elements, function (box) {
      // What was seen when the draft was typed belongs to it: saving must not pass over what others did since.
      var seen = /^(opened_version$|instead_of$|initial-)/.test(box.name);
      if (!box.name || (box.type === "hidden" && !seen) || box.type === "password" || box.tagName === "BUTTON") { return; }
      var values = typed[box.name];
      if (box.type === "checkbox" || box.type === "radio") {
        box.checked = Boolean(values) && values.indexOf(box.value) !== -1;
      } else if (box.tagName === "SELECT") {
        Array.prototype.forEach.call(box.options, function (option) {
          option.selected = Boolean(values) && values.indexOf(option.value) !== -1;
        });
      } else if (values) {
        box.value = values[nthOfItsName(box)] || "";
      }
    });
    // After htmx has read the page, so that what is shown beside a box follows it.
    setTimeout(function () {
      script.closest("form").querySelectorAll("[hx-get]").forEach(function (box) {
        box.dispatchEvent(new Event("change"));
      });
    }, 0);
  }

  function nthOfItsName(box) {
    var same = Array.prototype.filter.call(box.form.elements, function (other) { return other.name === box.name; });
    return same.indexOf(box);
  }

  function closes(button) {
    button.addEventListener("click", function () { document.getElementById(button.getAttribute("data-closes")).close(); });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("#draft-typed").forEach(restoreDraft);
    document.querySelectorAll("[data-closes]").forEach(closes);
    var summary = document.querySelector(".error-summary");
    if (summary) { summary.focus(); }
    document.querySelectorAll("[data-shows]").forEach(showPassword);
    document.querySelectorAll("[data-ticks]").forEach(ticks);
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

  // The sign-in ran out while a fragment was asked for: the form stays as it is behind a dialog.
  document.addEventListener("session-expired", function () {
    var dialog = document.getElementById("signed-out");
    if (dialog && !dialog.open) { dialog.showModal(); }
  });
  document.addEventListener("signed-in", function (event) {
    var token = event.detail.token;
    document.body.setAttribute("hx-headers", JSON.stringify({"X-CSRFToken": token}));
    document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach(function (box) { box.value = token; });
    document.getElementById("signed-out-password").value = "";
    document.getElementById("signed-out").close();
    keepDrafts();
  });
  function keepDrafts() {
    document.querySelectorAll(".draft-state").forEach(function (state) { state.dispatchEvent(new Event("keep-draft")); });
  }
  document.addEventListener("htmx:sendError", function (event) {
    if (event.target.classList.contains("draft-state")) {
      event.target.textContent = "No connection: the draft is not saved. What you typed is still here.";
    }
  });
  window.addEventListener("online", keepDrafts);

  // An open menu closes with Escape and when the focus leaves it.
  document.addEventListener("keydown", function (event) {
    var menu = document.querySelector(".user-menu[open], .nav-group[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll(".user-menu[open], .nav-group[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
})();

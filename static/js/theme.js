// Before the first paint: the theme that the viewer chose here, or that of the system. A classic script, so that nothing flashes.

(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();

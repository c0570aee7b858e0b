// Runs before the first paint so that a chosen theme never flashes the other one.
(function () {
  try {
    var theme = JSON.parse(localStorage.getItem('muster.theme'));
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch (e) {
    // No storage: the system's theme stays.
  }
})();

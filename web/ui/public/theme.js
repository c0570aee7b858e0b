// Dark unless light, or what the system says, was chosen. Runs before the first paint so that a chosen theme never flashes the other one.
(function () {
  try {
    var theme = JSON.parse(localStorage.getItem('muster.theme'));
    if (theme !== 'system') document.documentElement.dataset.theme = theme === 'light' ? 'light' : 'dark';
  } catch (e) {
    document.documentElement.dataset.theme = 'dark'; // no storage
  }
})();

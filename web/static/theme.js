// Sets the theme before the first paint: light, dark, or (absent) what the system prefers.
(function () {
	var theme = null;
	try { theme = localStorage.getItem('scrim-theme'); } catch (e) { /* storage is off: automatic */ }
	if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();

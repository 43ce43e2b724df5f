// Sets the colour scheme before the first paint, so that a dark console never
// flashes white. A file of its own because the policy forbids inline scripts.
;(function () {
  var choice = null
  try {
    choice = localStorage.getItem('ringwall-theme')
  } catch (e) {}
  var dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()

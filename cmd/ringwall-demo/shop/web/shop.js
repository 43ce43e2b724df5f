// Suggestions under the search field, from the JSON API.
const field = document.querySelector('#q');
const list = document.querySelector('#suggestions');
let last = 0;
field?.addEventListener('input', async () => {
  const turn = ++last;
  if (field.value.length < 2) { list.replaceChildren(); return; }
  const res = await fetch('/api/search', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ q: field.value }) });
  if (turn !== last || !res.ok) return;
  const { products } = await res.json();
  list.replaceChildren(...products.slice(0, 6).map((p) => Object.assign(document.createElement('option'), { value: p.name })));
});

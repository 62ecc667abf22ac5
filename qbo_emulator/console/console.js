// Comfort only; every page works without it.
"use strict";
document.addEventListener("submit", (event) => {
  const question = event.submitter && event.submitter.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const wanted = document.querySelector(`[data-key="${event.key === '"' ? "" : event.key}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input")) wanted.focus(); else wanted.click();
});
// A chosen item brings its description and price; amounts follow what is typed.
const shown = (number) => number.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const cell = (row, name) => row.querySelector(`[name$="-${name}"]`);
function recount(table) {
  let total = 0;
  for (const row of table.querySelectorAll("tbody tr")) {
    const amount = Number(cell(row, "quantity").value || 1) * Number(cell(row, "price").value || 0);
    row.querySelector("output").textContent = cell(row, "item").value ? shown(amount) : "";
    if (cell(row, "item").value) total += amount;
  }
  document.getElementById("subtotal").textContent = shown(total);
}
const lines = document.querySelector("table.lines");
if (lines) {
  lines.addEventListener("change", (event) => {
    if (!event.target.name.endsWith("-item")) return;
    const row = event.target.closest("tr"), item = event.target.selectedOptions[0].dataset;
    cell(row, "price").value = item.price || "";
    cell(row, "description").value = item.description || "";
    cell(row, "taxed").checked = item.taxed === "yes";
    if (!cell(row, "quantity").value && event.target.value) cell(row, "quantity").value = 1;
  });
  lines.addEventListener("input", () => recount(lines));
  lines.addEventListener("change", () => recount(lines));
  recount(lines);
}

// Tables of class "trials" are sorted by the column whose head is pressed, and the other way round when it is
// pressed again. What is missing stays at the end.
for (const table of document.querySelectorAll("table.trials")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replaceAll(",", ""));
    return text === "–" || text === "" ? null : Number.isFinite(number) ? number : text;
  };
  const sort = (column) => {
    const ascending = heads[column].ariaSort !== "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === typeof b ? (a > b) - (a < b) : typeof a === "number" ? -1 : 1;
      return ascending ? order : -order;
    });
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].ariaSort = ascending ? "ascending" : "descending";
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    if (!button.textContent) button.textContent = "✓";
    head.append(button);
    button.addEventListener("click", () => sort(column));
  });
}

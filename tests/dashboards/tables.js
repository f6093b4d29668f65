// Every panel as it can be read: { title: { headings, rows, cards, empty, ignored } }.
// A cell is [what is shown, the value behind it or null, its link or null].
(() =>
  Object.fromEntries(
    [...document.querySelectorAll("[data-panel]")].map((panel) => {
      const cell = (each) => [
        (each.querySelector("a") ?? each).childNodes[0]?.textContent ?? "",
        each.dataset.value === undefined ? null : Number(each.dataset.value),
        each.querySelector("a")?.getAttribute("href") ?? null,
      ];
      return [
        panel.dataset.panel,
        {
          headings: [...panel.querySelectorAll("thead th")].map((th) => th.childNodes[0].textContent),
          rows: [...panel.querySelectorAll("tbody tr")].map((tr) => [...tr.cells].map(cell)),
          weak: [...panel.querySelectorAll("tbody tr")].map((tr) => tr.classList.contains("weak")),
          cards: Object.fromEntries(
            [...panel.querySelectorAll(".card")].map((card) => [
              card.dataset.kpi,
              { value: cell(card.querySelector(".value")), text: card.innerText },
            ]),
          ),
          empty: panel.querySelector(".empty")?.innerText ?? null,
          ignored: panel.querySelector(".ignored")?.innerText ?? null,
        },
      ];
    }),
  ))();

const paper = {wide: 980, narrow: 470};  // pixels on A4 at the zoom of the print style
for (const [id, figure] of Object.entries(charts))
  Plotly.newPlot(id, figure.data, figure.layout, {displayModeBar: false, responsive: true});
addEventListener("beforeprint", () => {
  for (const id in charts) {
    const box = document.getElementById(id);
    Plotly.relayout(id, {autosize: false, width: paper[box.closest(".wide") ? "wide" : "narrow"], height: parseInt(box.style.height)});
  }
});
addEventListener("afterprint", () => {
  for (const id in charts) Plotly.relayout(id, {autosize: true, width: null, height: null});
});

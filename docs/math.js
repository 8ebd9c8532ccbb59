// Sets the formulas of a page, which mdBook leaves as \( ... \) and \[ ... \], with the KaTeX beside it: no network.
renderMathInElement(document.querySelector("main"), {
  delimiters: [
    { left: "\\[", right: "\\]", display: true },
    { left: "\\(", right: "\\)", display: false },
  ],
  throwOnError: false,
});

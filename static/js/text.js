// The page's words in the viewer's language. English sentences are their own keys; another language is a catalog.

const catalog = await loaded(document.documentElement.lang);

/** A sentence in the page's language: `t("Filled {size} at {price}", { size, price })`. */
export function t(sentence, values = {}) {
  const text = catalog[sentence] ?? sentence;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

async function loaded(language) {
  const address = document.documentElement.dataset.texts;
  if (language === "en" || !address) return {};
  const response = await fetch(address);
  return response.ok ? (await response.json()).catalog : {};
}

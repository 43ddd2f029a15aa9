// Tables as files: CSV by RFC 4180, made in the page.

const RISKY = /^[=+\-@\t\r]/;

/**
 * Columns [{title, value(row)}] and rows as text. Numbers stand as they were received, without an exponent; text that
 * a spreadsheet would take for a formula is kept from being one by an apostrophe.
 */
export function csvOf(columns, rows) {
  const lines = [columns.map(({ title }) => quoted(title)), ...rows.map((row) => columns.map(({ value }) => field(value(row))))];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

/** What a file of a table is called: hyperoru-main-account-trades-2026-11-24.csv */
export function fileName(account, table, now = new Date()) {
  const name = account.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "account";
  return `hyperoru-${name}-${table}-${now.toISOString().slice(0, 10)}.csv`;
}

/** Let the browser save text as a file. */
export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function field(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return decimal(value);
  const text = String(value);
  return quoted(RISKY.test(text) ? `'${text}` : text);
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The shortest digits that are this number, never as 1e-7. */
export function decimal(value) {
  const text = String(value);
  const found = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!found) return text;
  const [, sign, whole, rest = "", exponent] = found;
  const digits = whole + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, "0").slice(0, point)}${digits.length > point ? `.${digits.slice(point)}` : ""}`;
}

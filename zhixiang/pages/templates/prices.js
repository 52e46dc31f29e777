"use strict";
// Exact arithmetic: quantities in millionths, prices in trillionths, amounts rounded once to the fen, half up.
const FIGURES = JSON.parse(document.getElementById("figures").textContent);
let F = FIGURES.spans[0];
const $ = name => document.getElementById(name);
const Q = 10n ** 6n, P = 10n ** 12n, FEN = 10n ** 16n;
// As people type: full-width digits, points and commas, thousands separators, ".5".
const halfWidth = text => text.replace(/[０-９．－]/g, sign => String.fromCharCode(sign.charCodeAt(0) - 0xfee0)).replace(/[,，\s]/g, "");
function scaled(text, places) {
  const found = /^(-?)(\d*)(?:\.(\d*))?$/.exec(halfWidth(text) || "0");
  if (!found || !(found[2] || found[3])) return null;
  const part = (found[3] || "").padEnd(places, "0");
  if (/[^0]/.test(part.slice(places))) return null;
  return (found[1] ? -1n : 1n) * (BigInt(found[2] || "0") * 10n ** BigInt(places) + BigInt(part.slice(0, places) || "0"));
}
const quantity = text => scaled(text, 6), price = text => scaled(text, 12);
function halfUp(value, step) { const sign = value < 0n ? -1n : 1n, v = value * sign; return sign * ((v + step / 2n) / step); }
const amount = (q, p) => halfUp(q * p, FEN);
function shown(value, places) {
  const sign = value < 0n ? "-" : "", v = value < 0n ? -value : value, unit = 10n ** BigInt(places);
  const tail = places ? (v % unit).toString().padStart(places, "0") : "";
  return sign + (v / unit).toLocaleString("en-US") + (places ? "." + tail : "");
}
function plain(value, places) { return shown(value, places).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""); }
// Power factor rounded half up to 0.01: the largest step whose lower edge the square of the ratio reaches.
function meanFactor(active, reactive) {
  if (active === 0n && reactive === 0n) return null;
  const square = active * active + reactive * reactive;
  for (let step = 100; step > 0; step--) {
    const edge = BigInt(2 * step - 1);
    if (active * active * 40000n >= edge * edge * square) return step;
  }
  return 0;
}
const TIERS = ["tier_1", "tier_2", "tier_3"];
const larger = (a, b) => a > b ? a : b, smaller = (a, b) => a < b ? a : b;
// Yearly tiers: every kWh pays its period's first price, those of the upper tiers what these cost more, as the engine does it.
function residential(c) {
  const R = F.residential;
  if (!R) return { error: "本月没有在用的居民电价 no residential price is in force" };
  const lines = [], add = (name, period, q, p) => lines.push({ name, period, q, p, unit: "kWh", doubt: F.illustrative.includes(name), cny: amount(q, p) });
  let total = 0n;
  for (const period of Object.keys(c.energy)) total += c.energy[period];
  if (c.combined) {
    if (c.persons !== null && c.persons < R.combined_persons) return { error: R.combined_persons + "人及以上的家庭才可选合表电价 open from " + R.combined_persons + " persons on" };
    if (R.combined[c.level] === undefined) return { error: "该电压等级没有公布的电价 no price is published for this level" };
    add("tier_1", "", total, price(R.combined[c.level]));
  } else {
    const [first, second] = (c.persons !== null && c.persons >= R.household_persons ? R.limits_large : R.limits)[c.months].map(quantity);
    const after = c.before + total, edges = [0n, first, second, larger(after, second)];
    const parts = TIERS.map((_, tier) => larger(0n, smaller(after, edges[tier + 1]) - larger(c.before, edges[tier])));
    if (c.timeOfUse) {
      const table = R.by_period, known = Object.keys(table);
      const strange = Object.keys(c.energy).find(period => c.energy[period] > 0n && !table[period]);
      if (strange) return { error: "居民电价没有此时段 residential prices know no period " + strange };
      const used = known.filter(period => c.energy[period] > 0n);
      for (const period of used.length ? used : [known[0]]) add("tier_1", period, c.energy[period] || 0n, price(table[period][0]));
      for (const tier of [1, 2]) if (parts[tier] > 0n) add(TIERS[tier], "", parts[tier], price(table[known[0]][tier]) - price(table[known[0]][0]));
    } else {
      const used = [0, 1, 2].filter(tier => parts[tier] > 0n);
      for (const tier of used.length ? used : [0]) add(TIERS[tier], "", parts[tier], price(R.flat[tier]));
    }
  }
  let sum = 0n;
  for (const line of lines) sum += line.cny;
  return { lines, sum, factor: null, total };
}
// Whose bill the power factor does not adjust, whatever standard is chosen; a capacity that is not said leaves nobody out.
const isLeftOut = c => F.not_adjusted && (F.not_adjusted.classes.includes(c.kind) || c.capacity > 0n && c.capacity < quantity(F.not_adjusted.below_kva));
function compute(c) {
  if (c.kind === "residential") return residential(c);
  if (F.is_catalogue) return { error: "此段执行目录电价，见下方沿革 whole catalogue prices held in these days, see the history below" };
  if (!Object.keys(F.energy[c.kind][c.scheme]).length) return { error: "本月没有在用的此类电价 no such price is in force in this month" };
  if (c.scheme === "two_part" && F.schemes && c.capacity > 0n && c.capacity <= quantity(F.schemes.single_up_to))
    return { error: F.schemes.single_up_to + " kVA 及以下执行单一制 up to " + F.schemes.single_up_to + " kVA prices are single-part" };
  const energy = F.energy[c.kind][c.scheme][c.level];
  if (!energy) return { error: "该电压等级没有公布的电价 no price is published for this level" };
  const lines = [];
  const add = (name, period, q, p, unit, doubt = F.illustrative.includes(name)) => lines.push({ name, period, q, p, unit, doubt, cny: amount(q, p) });
  let total = 0n;
  for (const period of Object.keys(c.energy)) total += c.energy[period];
  const used = c.timeOfUse ? Object.keys(c.energy).filter(period => c.energy[period] > 0n) : ["all"];
  if (c.timeOfUse && !used.length) used.push("flat");
  for (const name of Object.keys(energy)) {
    for (const period of used) {
      const q = period === "all" ? total : c.energy[period] || 0n;
      if (energy[name][period] === undefined) return { error: "该类用户没有此时段 this class has no such period: " + period };
      add(name, period, q, price(energy[name][period]), "kWh");
    }
  }
  if (c.scheme === "two_part") {
    const prices = F.basic[c.level], D = F.demand, U = F.utilisation;
    if (!prices || !D) return { error: "本月没有在用的基本电价 no basic charge is in force" };
    if (c.capacity <= 0n) return { error: "两部制须填合同容量 two-part prices need a contract capacity" };
    if (c.basis === "capacity" && c.running > 0n) add("basic_capacity", "", c.running, price(prices.capacity), "kVA");
    else if (c.running > 0n) { // a capacity suspended as a whole pays no basic charge
      let unit = price(prices.demand);
      if (U && U.bases.includes(c.basis) && total * Q >= quantity(U.threshold) * c.capacity) unit = unit * quantity(U.ratio) / Q;
      if (c.basis === "actual_demand") add("basic_demand", "", c.demand, unit, "kW");
      else {
        const least = quantity(D.minimum_capacity_ratio) * c.running / Q, billed = c.agreed > least ? c.agreed : least;
        add("basic_demand", "", billed, unit, "kW");
        const excess = c.demand - quantity(D.tolerance_ratio) * billed / Q;
        if (excess > 0n) add("demand_excess", "", excess, unit * quantity(D.excess_multiple) / Q, "kW");
      }
    }
  }
  let factor = null;
  if (c.standard && F.standards[c.standard] && c.reactive !== null) {
    factor = meanFactor(total, c.reactive);
    if (factor !== null && !isLeftOut(c)) {
      const base = lines.filter(line => !F.base_excludes.includes(line.name));
      add("power_factor_adjustment", "", base.reduce((sum, line) => sum + line.cny, 0n) * 10n ** 4n, price(F.standards[c.standard][factor]), "CNY", base.some(line => line.doubt));
    }
  }
  let sum = 0n;
  for (const line of lines) sum += line.cny;
  return { lines, sum, factor, total };
}
const WORDS = { energy_base: "电能量电费 energy", transmission: "输配电费 network", funds: "基金及附加 funds", basic_capacity: "基本电费（容量） basic, capacity",
  basic_demand: "基本电费（需量） basic, demand", demand_excess: "超需量加收 demand excess", power_factor_adjustment: "力调电费 power factor",
  tier_1: "第一档 tier 1", tier_2: "第二档 tier 2", tier_3: "第三档 tier 3" };
const SIGNS = { sharp: "尖", peak: "峰", flat: "平", valley: "谷", deep_valley: "深谷", all: "", "": "" };
const PERIODS = ["sharp", "peak", "flat", "valley", "deep_valley"];
const EXAMPLES = { business: { sharp: "0", peak: "20000", flat: "27000", valley: "13000", deep_valley: "0", all: "60000" },
  home: { sharp: "0", peak: "190", flat: "0", valley: "120", deep_valley: "0", all: "310" } };
const isHome = () => $("kind").value === "residential";
const shownPeriods = () => !$("tou").checked ? ["all"] : isHome() ? Object.keys((F.residential || { by_period: {} }).by_period) : PERIODS;
function read() {
  const home = isHome();
  const c = { kind: $("kind").value, scheme: $("scheme").value, level: $("level").value, basis: $("basis").value, timeOfUse: $("tou").checked, standard: $("standard").value,
    combined: home && $("combined").value === "yes", months: $("began").value, persons: null, energy: {} };
  const names = home ? ["before"] : ["capacity", "running", "agreed", "demand", "lagging", "leading"];
  for (const name of names) { c[name] = quantity($(name).value); if (c[name] === null || c[name] < 0n) return { wrong: name }; }
  for (const period of c.combined ? ["all"] : shownPeriods()) {
    c.energy[period] = quantity($("e_" + period).value);
    if (c.energy[period] === null || c.energy[period] < 0n) return { wrong: "e_" + period };
  }
  if (!home && !$("running").value.trim()) c.running = c.capacity;
  if (!home && c.running > c.capacity && c.scheme === "two_part") return { wrong: "running" };
  if (home && halfWidth($("persons").value)) {
    if (!/^[1-9]\d?$/.test(halfWidth($("persons").value))) return { wrong: "persons" };
    c.persons = Number(halfWidth($("persons").value));
  }
  c.reactive = !home && ($("lagging").value.trim() || $("leading").value.trim()) ? c.lagging + c.leading : null;
  return { c };
}
// What the capacity allows: a note where the chosen scheme is not the one that a new customer would get, and where no power factor counts.
function schemeNote(c) {
  if (c.kind !== "residential" && c.standard && isLeftOut(c)) return "不足 " + F.not_adjusted.below_kva + " kVA 不实行力调 below " + F.not_adjusted.below_kva + " kVA the power factor does not adjust the bill";
  if (c.kind === "residential" || !F.schemes || c.capacity <= 0n) return "";
  const up = F.schemes.single_up_to, from = F.schemes.two_from;
  if (c.scheme === "single_part" && c.capacity >= quantity(from)) return from + " kVA 及以上执行两部制，存量单一制用户可自选 from " + from + " kVA two-part; existing single-part users may stay";
  if (c.capacity > quantity(up) && c.capacity < quantity(from)) return "此容量两种计价方式可自选 at this capacity either scheme may be chosen";
  return "";
}
function show(selector, condition) { for (const part of document.querySelectorAll(selector)) part.hidden = !condition; }
const sign = () => Object.assign(document.createElement("span"), { className: "tag illustrative", textContent: "示意" });
let wasHome = false;
function refresh() {
  for (const input of document.querySelectorAll("input[type=text]")) input.classList.remove("wrong");
  F = FIGURES.spans[Number($("span").value)];
  const home = isHome(), combined = home && $("combined").value === "yes";
  if (home !== wasHome) {
    const example = EXAMPLES[home ? "home" : "business"];
    for (const period of Object.keys(example)) $("e_" + period).value = example[period];
    wasHome = home;
  }
  const two = !home && $("scheme").value === "two_part";
  show(".business", !home); show(".home", home); show(".tiered", home && !combined);
  show(".two", two); show(".level", !home || combined); show(".agreed", two && $("basis").value === "contract_demand");
  show(".demand", two && $("basis").value !== "capacity"); show(".touse", !combined);
  const periods = combined ? ["all"] : shownPeriods();
  for (const period of [...PERIODS, "all"]) $("e_" + period).parentElement.hidden = !periods.includes(period);
  const { c, wrong } = read();
  const body = $("lines");
  body.replaceChildren();
  for (const name of ["total", "said"]) $(name).classList.remove("doubt");
  $("doubt").hidden = true;
  const say = (total, said, note) => { $("total").textContent = total; $("said").textContent = said; $("hint").textContent = note; };
  if (wrong) { $(wrong).classList.add("wrong"); say("—", "请填非负数字 please enter a number not below 0", ""); return; }
  const bill = compute(c);
  if (bill.error) { say("—", bill.error, ""); return; }
  for (const line of bill.lines) {
    const row = body.insertRow();
    const [said, english] = [WORDS[line.name].split(" ")[0], WORDS[line.name].split(" ").slice(1).join(" ")];
    const above = c.kind === "residential" && c.timeOfUse && !c.combined && line.name !== "tier_1";
    const cells = [above ? said + "加价" : said, SIGNS[line.period], plain(line.q, 6) + " " + line.unit, line.name === "power_factor_adjustment" ? plain(line.p, 10) + " %" : plain(line.p, 12), shown(line.cny, 2)];
    cells.forEach((text, place) => { const cell = row.insertCell(); cell.textContent = text; if (place > 1) cell.className = "n"; });
    row.cells[0].append(" ", Object.assign(document.createElement("span"), { className: "en", textContent: above ? english + ", on top" : english }));
    if (line.doubt) { row.cells[0].append(" ", sign()); row.cells[3].classList.add("doubt"); row.cells[4].classList.add("doubt"); }
  }
  $("doubt").hidden = !bill.lines.some(line => line.doubt);
  for (const name of ["total", "said"]) $(name).classList.toggle("doubt", !$("doubt").hidden);
  say(shown(bill.sum, 2), plain(bill.total, 6) + " kWh" + (bill.total > 0n ? " · 平均 average " + shown(halfUp(bill.sum * 10n ** 8n, bill.total), 4) + " 元/kWh" : "")
    + (bill.factor === null ? "" : " · 功率因数 power factor " + (bill.factor / 100).toFixed(2)), schemeNote(c));
}
for (const input of document.querySelectorAll("input, select")) input.addEventListener("input", refresh);
// On a telephone what a row holds beside its figure is folded, so that one screen shows several rows.
if (matchMedia("(max-width: 640px)").matches) for (const folded of document.querySelectorAll("details.fold")) folded.open = false;
refresh();

"use strict";
// Exact arithmetic: quantities in millionths, prices in trillionths, amounts rounded once to the fen, half up.
const F = JSON.parse(document.getElementById("figures").textContent);
const $ = name => document.getElementById(name);
const Q = 10n ** 6n, P = 10n ** 12n, FEN = 10n ** 16n;
function scaled(text, places) {
  const found = /^\s*(-?)(\d+)(?:\.(\d*))?\s*$/.exec(text.replace(/[,，\s]/g, "") || "0");
  if (!found) return null;
  const part = (found[3] || "").padEnd(places, "0");
  if (/[^0]/.test(part.slice(places))) return null;
  return (found[1] ? -1n : 1n) * (BigInt(found[2]) * 10n ** BigInt(places) + BigInt(part.slice(0, places) || "0"));
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
function compute(c) {
  const energy = F.energy[c.kind][c.scheme][c.level];
  if (!energy) return { error: "该电压等级没有公布的电价 no price is published for this level" };
  const lines = [];
  const add = (name, period, q, p, unit) => lines.push({ name, period, q, p, unit, cny: amount(q, p) });
  let total = 0n;
  for (const period of Object.keys(c.energy)) total += c.energy[period];
  const used = c.timeOfUse ? Object.keys(c.energy).filter(period => c.energy[period] > 0n) : ["all"];
  if (c.timeOfUse && !used.length) used.push("flat");
  for (const name of ["energy_base", "transmission", "funds"]) {
    for (const period of used) {
      const q = period === "all" ? total : c.energy[period] || 0n;
      if (energy[name][period] === undefined) return { error: "该类用户没有此时段 this class has no such period: " + period };
      add(name, period, q, price(energy[name][period]), "kWh");
    }
  }
  if (c.scheme === "two_part") {
    const prices = F.basic[c.level], D = F.demand, U = F.utilisation;
    if (c.capacity <= 0n) return { error: "两部制须填容量 two-part prices need a capacity" };
    if (c.basis === "capacity") add("basic_capacity", "", c.capacity, price(prices.capacity), "kVA");
    else {
      let unit = price(prices.demand);
      if (U.bases.includes(c.basis) && total * Q >= quantity(U.threshold) * c.capacity) unit = unit * quantity(U.ratio) / Q;
      if (c.basis === "actual_demand") add("basic_demand", "", c.demand, unit, "kW");
      else {
        const least = quantity(D.minimum_capacity_ratio) * c.capacity / Q, billed = c.agreed > least ? c.agreed : least;
        add("basic_demand", "", billed, unit, "kW");
        const excess = c.demand - quantity(D.tolerance_ratio) * billed / Q;
        if (excess > 0n) add("demand_excess", "", excess, unit * quantity(D.excess_multiple) / Q, "kW");
      }
    }
  }
  let factor = null;
  if (c.standard && c.reactive !== null) {
    factor = meanFactor(total, c.reactive);
    if (factor !== null) {
      let base = 0n;
      for (const line of lines) if (!F.base_excludes.includes(line.name)) base += line.cny;
      add("power_factor_adjustment", "", base * 10n ** 4n, price(F.standards[c.standard][factor]), "CNY");
    }
  }
  let sum = 0n;
  for (const line of lines) sum += line.cny;
  return { lines, sum, factor, total };
}
const WORDS = { energy_base: "上网电量电费 energy", transmission: "输配电费 network", funds: "基金及附加 funds", basic_capacity: "基本电费（容量） basic, capacity",
  basic_demand: "基本电费（需量） basic, demand", demand_excess: "超需量加收 demand excess", power_factor_adjustment: "力调电费 power factor" };
const SIGNS = { sharp: "尖", peak: "峰", flat: "平", valley: "谷", deep_valley: "深谷", all: "", "": "" };
function read() {
  const c = { kind: $("kind").value, scheme: $("scheme").value, level: $("level").value, basis: $("basis").value, timeOfUse: $("tou").checked, standard: $("standard").value, energy: {} };
  const fields = { capacity: "capacity", agreed: "agreed", demand: "demand", lagging: "lagging", leading: "leading" };
  for (const name of Object.keys(fields)) { c[name] = quantity($(name).value); if (c[name] === null || c[name] < 0n) return { wrong: name }; }
  for (const period of ["sharp", "peak", "flat", "valley", "deep_valley"]) {
    c.energy[period] = quantity($("e_" + period).value);
    if (c.energy[period] === null || c.energy[period] < 0n) return { wrong: "e_" + period };
  }
  c.reactive = $("lagging").value.trim() || $("leading").value.trim() ? c.lagging + c.leading : null;
  return { c };
}
function refresh() {
  for (const input of document.querySelectorAll("input[type=text]")) input.classList.remove("wrong");
  const two = $("scheme").value === "two_part";
  for (const part of document.querySelectorAll(".two")) part.hidden = !two;
  $("agreed").parentElement.hidden = !two || $("basis").value !== "contract_demand";
  $("demand").parentElement.hidden = !two || $("basis").value === "capacity";
  const { c, wrong } = read();
  const body = $("lines");
  body.replaceChildren();
  if (wrong) { $(wrong).classList.add("wrong"); $("total").textContent = "—"; $("said").textContent = "请填非负数字 please enter a number not below 0"; return; }
  const bill = compute(c);
  if (bill.error) { $("total").textContent = "—"; $("said").textContent = bill.error; return; }
  for (const line of bill.lines) {
    const row = body.insertRow();
    const cells = [WORDS[line.name], SIGNS[line.period], plain(line.q, 6) + " " + line.unit, plain(line.p, 12), shown(line.cny, 2)];
    cells.forEach((text, place) => { const cell = row.insertCell(); cell.textContent = text; if (place > 1) cell.className = "n"; });
  }
  $("total").textContent = shown(bill.sum, 2);
  $("said").textContent = plain(bill.total, 6) + " kWh" + (bill.total > 0n ? " · 平均 average " + shown(halfUp(bill.sum * 10n ** 8n, bill.total), 4) + " 元/kWh" : "")
    + (bill.factor === null ? "" : " · 功率因数 power factor " + (bill.factor / 100).toFixed(2));
}
for (const input of document.querySelectorAll("input, select")) input.addEventListener("input", refresh);
refresh();

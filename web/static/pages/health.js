// Coverage and health: does it add up, and does anything need a look.
import { html, useState, useEffect, useRef, useData, useEvery, link } from '../lib.js';
import { post, live } from '../api.js';
import { text } from '../text.js';
import { ago, atTime, onDate, until, bytes, number } from '../words.js';
import { Head, Loaded, Panel, Icon, Meter, CopyButton, RuleLink, Trouble, toast, faultLine } from '../parts.js';
import { Access } from '../access.js';
import { Coverage } from '../coverage.js';

export default function Health({ session, setSession }) {
	const data = useData('/status', { on: ['changed', 'drift'] });
	useEvery(10000, data.again);
	const latest = useRef(null);
	latest.current = data;
	useEffect(() => live.on('counters', (counters) => { if (latest.current.data) latest.current.put({ ...latest.current.data, counters }); }), []);
	return html`<${Head} title=${text.health.title} lead=${text.health.lead} />
		<${Loaded} of=${data}>${(s) => html`<${Whole} s=${s} again=${data.again} />`}<//>
		<${Access} session=${session} setSession=${setSession} /><${Settings} />`;
}

const day = 86400000;

// worries are what needs a look, each a sentence.
function worries(s) {
	const left = new Date(s.ca.not_after) - new Date(s.time);
	return [
		!s.ready && text.health.notReady,
		s.ledger.fault && text.ledgerFault,
		s.reload && !s.reload.good && text.reloadFault,
		!(s.counters.complete && s.proxy.complete) && text.health.not,
		s.counters.lost > 0 && text.health.lostBad(s.counters.lost),
		left < 0 ? text.health.expired : left < 60 * day && text.health.caSoon,
		...s.ledger.notes,
	].filter(Boolean);
}

function Whole({ s, again }) {
	const list = worries(s);
	return html`<div class=${'banner ' + (list.length ? '' : 'good')} role="status"><${Icon} name=${list.length ? 'failed' : 'check'} /><div class="grow"><strong>${list.length ? text.health.bad(list.length) : text.health.good}</strong>${list.length > 0 && html`<ul class="small">${list.map((w) => html`<li class="wrap">${w}</li>`)}</ul>`}</div></div>
		<${Equation} s=${s} />
		<div class="grid"><${Doors} s=${s} /><${Authority} s=${s} /><${Ledger} s=${s} /><${InForce} s=${s} again=${again} /></div>
		<div class="grid"><${Waiting} s=${s} /><${New} s=${s} /></div>
		<${Coverage} /><${Refusers} s=${s} />`;
}

const columns = ['passed', 'generalized', 'dropped', 'held', 'refused', 'tunnelled', 'failed'];

function Equation({ s }) {
	const t = text.health;
	const beside = ['connections', 'not_served', 'over_limit', 'pinned', 'drift', 'ledger_fault', 'panics'];
	const row = (name, c) => html`<div class="sum-row"><h3>${name}</h3><div class="sum"><span class="term whole"><b class="nums">${number(c.seen)}</b><span>${t.seen}</span></span>${columns.map((k, i) => html`<span class="sign" aria-hidden="true">${i === 0 ? '=' : '+'}</span><span class=${'term ' + k + (c[k] === 0 ? ' zero' : '')}><b class="nums">${number(c[k])}</b><span>${t[k]}</span></span>`)}</div></div>`;
	const good = s.counters.complete && s.proxy.complete;
	return html`<${Panel} title=${t.equation}><div class="stack">
		<p class=${good ? 'good-line' : 'bad'}><${Icon} name=${good ? 'check' : 'failed'} small /> ${good ? t.adds : t.not}</p>
		${row(t.since, s.counters)}${row(t.run, s.proxy)}
		<div><h3>${t.beside}</h3><ul class="beside-list small">${[['lost', s.counters.lost], ...beside.map((k) => [k, s.proxy[k]])].map(([k, n]) => html`<li key=${k} class=${n === 0 ? 'dim' : ''}><b class="nums">${number(n)}</b> ${t[k]}</li>`)}</ul></div></div><//>`;
}

function Doors({ s }) {
	const t = text.health;
	return html`<${Panel} title=${t.doors}>${s.doors.length === 0 ? html`<p class="dim">${t.doorsNone}</p>` : html`<ul class="lines">${s.doors.map((d) => html`<li key=${d.name + d.address}><span class="dot good"></span><span class="grow"><b>${text.door[d.name] ?? d.name}</b><br /><span class="small dim wrap mono">${d.address}</span>${d.use && html`<span class="small wrap"> · ${t.enter} <code>${d.use}</code></span>`}</span></li>`)}</ul>`}<//>`;
}

function Authority({ s }) {
	const t = text.health;
	return html`<${Panel} title=${t.ca}><dl class="facts small"><dt>${t.subject}</dt><dd>${s.ca.subject}</dd><dt>${t.expires}</dt><dd>${onDate(s.ca.not_after)} <span class="dim">(${ago(s.ca.not_after)})</span></dd><dt>${t.names}</dt><dd>${number(s.ca.hosts)}</dd><dt>${t.key}</dt><dd>${s.ca.sealed ? t.sealed : t.kept}</dd></dl>
		<div class="print-room"><span class="small dim">${t.fingerprint}</span><code class="print">${s.ca.fingerprint}</code><div class="bar"><${CopyButton} value=${s.ca.fingerprint} label=${t.fingerprint} /><a class="button tiny" href=${link('setup')}>${text.nav.setup}</a></div></div><//>`;
}

function Ledger({ s }) {
	const t = text.health;
	const [state, set] = useState(null);
	const verify = async () => {
		set('busy');
		try { set(await post('/verify')); } catch (fault) { set(fault); }
	};
	return html`<${Panel} title=${t.ledger}><div class="stack"><dl class="facts small"><dt>${t.store}</dt><dd class="wrap">${s.ledger.store}</dd><dt>${t.records}</dt><dd>${number(s.ledger.records)}</dd><dt>${t.age}</dt><dd>${s.ledger.keep_age ? t.days(Math.round(s.ledger.keep_age / 86400)) : t.ageless}</dd><dt>${t.originals}</dt><dd>${s.originals ? t.originalsOn : t.originalsOff}</dd></dl>
		<div><${Meter} used=${s.ledger.used} limit=${s.ledger.limit} label=${t.ledger} /><span class="small dim">${t.used(bytes(s.ledger.used), bytes(s.ledger.limit))}</span></div>
		<div class="bar"><button type="button" class="button tiny" onClick=${verify} disabled=${state === 'busy'}>${t.verify}</button></div>
		<div role="status">${state === 'busy' ? html`<span class="small dim">${t.verifying}</span>` : state instanceof Error ? html`<${Trouble} fault=${state} />` : state && html`<span class=${'small ' + (state.ok ? 'good-line' : 'bad')}>${state.ok ? t.whole(state.records, state.from) : t.broken(state.fault || '')}</span>`}</div></div><//>`;
}

function InForce({ s, again }) {
	const t = text.health;
	const [busy, setBusy] = useState(false);
	const reload = async () => {
		setBusy(true);
		try {
			const r = await post('/reload');
			toast(r.good ? t.reloaded : text.reloadFault, !r.good);
			again();
		} catch (fault) { toast(faultLine(fault), true); }
		setBusy(false);
	};
	return html`<${Panel} title=${t.rules}><div class="stack"><dl class="facts small"><dt>${text.nav.rules}</dt><dd><a href=${link('rules')}>${t.rulesOf(s.rules, s.products)}</a></dd><dt>${text.products.profile}</dt><dd>${text.products.profiles[s.profile]}</dd><dt>${t.uptime}</dt><dd>${atTime(s.started)}</dd><dt>${t.node}</dt><dd>${s.node} · ${s.version}</dd>${s.reload && html`<dt>${t.reloadedAt}</dt><dd>${ago(s.reload.time)}${s.reload.good ? `, ${t.reloadGood}` : ''}</dd>`}</dl>
		${s.reload?.faults.length > 0 && html`<div><h3>${t.faults}</h3><ul class="mono small bad">${s.reload.faults.map((f) => html`<li class="wrap">${f}</li>`)}</ul></div>`}
		${s.reload?.later.length > 0 && html`<div><h3>${t.later}</h3><ul class="mono small">${s.reload.later.map((f) => html`<li class="wrap">${f}</li>`)}</ul></div>`}
		<div class="bar"><button type="button" class="button tiny" onClick=${reload} disabled=${busy}><${Icon} name="reset" small />${t.reload}</button></div></div><//>`;
}

function Waiting({ s }) {
	const t = text.health;
	return html`<${Panel} title=${t.waiting} aside=${s.waiting.length ? number(s.waiting.reduce((n, w) => n + w.count, 0)) : ''}>${s.waiting.length === 0 ? html`<p class="dim">${t.waitingNone}</p>` : html`<ul class="lines">${s.waiting.map((w) => html`<li key=${w.rule + w.part}><span class="badge hold">${number(w.count)}</span><span class="grow wrap"><${RuleLink} id=${w.rule} />${w.part && html` <span class="dim">${w.part}</span>`}<br />${w.next && html`<span class="small dim">${t.nextRelease} ${until(w.next)}</span>`}</span></li>`)}</ul>`}<//>`;
}

function New({ s }) {
	const t = text.health;
	const list = useData('/drift', { params: { limit: 8 }, on: ['drift'] });
	return html`<${Panel} title=${t.driftTitle} aside=${t.driftWeek(s.drift.week)}><${Loaded} of=${list}>${(d) => (d.drift.length === 0 ? html`<p class="dim">${t.driftNone}</p>` : html`<ul class="lines">${d.drift.map((x, i) => html`<li key=${i}><span class="badge new">${t.what[x.what] ?? x.what}</span><span class="grow wrap"><code>${x.name}</code><br /><span class="small dim">${[x.host, x.event, x.detail, ago(x.time)].filter(Boolean).join(' · ')}</span></span></li>`)}</ul>`)}<//><//>`;
}

function Refusers({ s }) {
	const t = text.health;
	return html`<${Panel} title=${t.refusers} flush>${s.pinned.length === 0 ? html`<p class="dim inset">${t.refusersNone}</p>` : html`<p class="small dim inset">${t.refusersHelp}</p><table class="cards"><thead><tr><th>${text.entry.from}</th><th>${text.hosts.columns.host}</th><th>${text.entry.detail}</th><th>${text.hosts.columns.last}</th><th></th></tr></thead><tbody>${s.pinned.map((p) => html`<tr key=${p.client + p.host}><td class="wrap">${p.client_name || p.client}</td><td data-label=${text.hosts.columns.host}><code class="wrap">${p.host}</code></td><td data-label=${text.entry.detail}><span class="wrap">${p.how} · ${t.tries(p.tries)}</span></td><td data-label=${text.hosts.columns.last}>${ago(p.time)}</td><td><span class="badge event">${t.next[p.next] ?? p.next}</span></td></tr>`)}</tbody></table>`}<//>`;
}

function Settings() {
	const t = text.health;
	const [open, set] = useState(false);
	const data = useData(open ? '/config' : null, { on: ['changed'] });
	const show = (v) => (typeof v === 'string' ? v : JSON.stringify(v));
	return html`<details class="panel product" onToggle=${(e) => set(e.target.open)}><summary><span class="grow"><span class="pname">${t.settings}</span></span><${Icon} name="down" /></summary>${open && html`<${Loaded} of=${data}>${(c) => html`<p class="small dim inset wrap">${t.settingsHelp(c.file)}</p><table class="cards"><thead><tr><th>${t.key2}</th><th>${t.value}</th><th>${t.origin}</th></tr></thead><tbody>${c.settings.map((x) => html`<tr key=${x.key}><td><code class="wrap">${x.key}</code></td><td data-label=${t.value}><span><code class="wrap">${show(x.value)}</code>${x.doc && html`<br /><span class="small dim">${x.doc}</span>`}</span></td><td data-label=${t.origin}><span class="small wrap">${x.chosen ? html`<span class="badge new">${t.chosen}</span>` : x.origin}</span></td></tr>`)}</tbody></table>`}<//>`}</details>`;
}

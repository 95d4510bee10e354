// What left: today in four numbers, the charts, and the list, live and newest first.
import { html, useState, useEffect, useRef, useMemo, useData, useEvery, link } from '../lib.js';
import { get, live, url } from '../api.js';
import { text } from '../text.js';
import { number } from '../words.js';
import { Head, Panel, Empty, Trouble, Icon, Tabs } from '../parts.js';
import { Rows } from '../rows.js';

const page = 50;
const most = 1000; // rows that live entries may fill; older ones are fetched when asked for
const flood = 60; // more at once than this are not pushed before the reader's eyes
const known = ['product', 'verdict', 'kind', 'rule', 'host', 'client'];

export default function Left({ route, products }) {
	const filters = readFilters(route.query);
	const key = JSON.stringify(filters);
	const go = (change) => { location.hash = link('left', { ...filters, tunnels: filters.tunnels ? '1' : '', ...change }); };
	return html`<${Head} title=${text.left.title} lead=${text.left.lead}><${Export} filters=${filters} /><//>
		<${Overview} />
		<${Filters} filters=${filters} go=${go} products=${products} />
		<${List} key=${key} filters=${filters} />`;
}

function readFilters(query) {
	const filters = { text: query.get('text') ?? '', tunnels: query.get('tunnels') === '1' };
	for (const name of known) filters[name] = query.get(name) ?? '';
	return filters;
}

const asked = (f) => known.some((name) => f[name]) || f.text !== '';

// params are the filters as the API takes them.
function params(f) {
	const type = f.tunnels || f.verdict === 'tunnel' ? '' : 'kept,sent,event';
	return { type, text: f.text, ...Object.fromEntries(known.map((name) => [name, f[name]])) };
}

// fits says whether a live entry belongs to the list.
function fits(e, f) {
	if (e.type === 'anchor' || (e.type === 'tunnel' && !f.tunnels && f.verdict !== 'tunnel')) return false;
	if (known.some((name) => f[name] && e[name] !== f[name])) return false;
	const words = `${e.host ?? ''} ${e.rule ?? ''}`.toLowerCase();
	return f.text === '' || words.includes(f.text.toLowerCase());
}

function Overview() {
	const charts = useData('/charts', { params: { days: 30 } });
	const [tab, setTab] = useState('verdicts');
	const [Chart, setChart] = useState(null);
	useEvery(60000, charts.again);
	useEffect(() => { import('../charts.js').then((m) => setChart(() => m.default), () => {}); }, []);
	const days = charts.data?.days ?? [];
	const now = days.at(-1);
	const week = (name) => days.slice(-7).reduce((sum, d) => sum + d[name], 0);
	const tiles = [['generalized', 'generalize', 'generalized'], ['dropped', 'drop', 'dropped'], ['passed', 'pass', 'passed'], ['fields', '', 'fields_held_back']];
	const series = { verdicts: ['generalized', 'dropped', 'held', 'refused', 'failed', 'passed'], fields: ['fields_held_back', 'fields_changed'], tunnels: ['tunnel_bytes'] };
	return html`<section aria-label=${text.left.tilesTitle}><h2 class="sr">${text.left.tilesTitle}</h2>
		<ul class="tiles">${tiles.map(([name, verdict, column]) => html`<li key=${name} class=${'tile ' + (verdict || 'fields')}>
			<a href=${verdict ? link('left', { verdict }) : link('fields')}>
				<span class="big nums">${now ? number(now[column]) : '–'}</span>
				<span class="name">${text.left.tiles[name]}</span>
				<span class="small dim nums">${now ? text.left.week(week(column)) : ''}</span>
			</a></li>`)}</ul>
	</section>
	<${Panel} title=${text.charts.title}>
		<div class="stack"><div><${Tabs} label=${text.charts.title} value=${tab} onPick=${setTab} options=${['verdicts', 'fields', 'tunnels'].map((t) => [t, text.charts[t]])} /></div>
		${charts.fault && html`<${Trouble} fault=${charts.fault} again=${charts.again} />`}
		${Chart && charts.data ? html`<${Chart} days=${days} series=${series[tab]} unit=${tab === 'tunnels' ? 'bytes' : ''} label=${text.charts[tab]} />` : html`<div class="chart-room"></div>`}</div>
	<//>`;
}

function Filters({ filters, go, products: list }) {
	const [words, setWords] = useState(filters.text);
	const timer = useRef(0);
	useEffect(() => setWords(filters.text), [filters.text]);
	const type = (e) => {
		setWords(e.target.value);
		clearTimeout(timer.current);
		const value = e.target.value.trim();
		timer.current = setTimeout(() => go({ text: value }), 300);
	};
	const chips = [['kind', text.left.kindFilter], ['rule', text.left.ruleFilter], ['host', text.left.hostFilter], ['client', text.left.clientFilter]].filter(([name]) => filters[name]);
	return html`<form class="filters" role="search" onSubmit=${(e) => { e.preventDefault(); go({ text: words.trim() }); }}>
		<input type="search" class="grow" placeholder=${text.left.search} aria-label=${text.left.search} value=${words} onInput=${type} />
		<select aria-label=${text.left.product} value=${filters.product} onChange=${(e) => go({ product: e.target.value })}>
			<option value="">${text.left.allProducts}</option>
			${filters.product && !list.some((p) => p.name === filters.product) && html`<option value=${filters.product}>${filters.product}</option>`}
			${[...list].sort((a, b) => b.seen - a.seen).map((p) => html`<option key=${p.name} value=${p.name}>${p.title}</option>`)}
		</select>
		<select aria-label=${text.left.verdict} value=${filters.verdict} onChange=${(e) => go({ verdict: e.target.value })}>
			<option value="">${text.left.allVerdicts}</option>
			${['generalize', 'drop', 'pass', 'hold', 'refuse', 'failed', 'tunnel'].map((v) => html`<option value=${v}>${text.verdict[v]}</option>`)}
		</select>
		<label class="tick"><input type="checkbox" checked=${filters.tunnels} onChange=${(e) => go({ tunnels: e.target.checked ? '1' : '' })} />${text.left.also}</label>
		${chips.map(([name, say]) => html`<button type="button" class="chip" key=${name} onClick=${() => go({ [name]: '' })}><span class="wrap">${say(filters[name])}</span><span aria-hidden="true">×</span><span class="sr">: ${text.left.clear}</span></button>`)}
		${asked(filters) && html`<a class="button plain tiny" href=${link('left')}>${text.left.clear}</a>`}
	</form>`;
}

function List({ filters }) {
	const [rows, setRows] = useState([]);
	const [older, setOlder] = useState('');
	const [fault, setFault] = useState(null);
	const [loading, setLoading] = useState(true);
	const [held, setHeld] = useState([]); // came while the list is held still
	const [still, setStill] = useState(false);
	const [skipped, setSkipped] = useState(0);
	const newer = useRef('');
	const bottom = useRef(null);

	const begin = () => {
		setLoading(true);
		get('/entries', { ...params(filters), limit: page }).then((p) => {
			setRows((old) => merge(p.entries, old));
			setOlder(p.older ?? '');
			if (p.newer) newer.current = p.newer;
			setFault(null);
			setLoading(false);
		}, (f) => { setFault(f); setLoading(false); });
	};
	useEffect(begin, []);

	const paused = useRef(false);
	paused.current = still;
	useEffect(() => {
		let batch = [];
		let frame = 0;
		const flush = () => {
			frame = 0;
			const now = batch;
			batch = [];
			// Held still, read further down, or too fast to read: shown on demand.
			if (paused.current || scrollY > 700 || now.length > flood) setHeld((old) => merge(now, old).slice(0, most));
			else setRows((old) => merge(now, old).slice(0, Math.max(most, old.length)));
		};
		const take = (e) => {
			if (!fits(e, filters)) return;
			batch.push(e);
			if (!frame) frame = setTimeout(flush, 80);
		};
		// What came between the list and the stream, or while scrim was away.
		const fill = () => {
			if (!newer.current) { begin(); return; }
			get('/entries', { ...params(filters), after: newer.current, limit: 200 }).then((p) => {
				if (p.newer) newer.current = p.newer;
				setFault(null);
				p.entries.forEach(take);
			}, () => {});
		};
		const stops = [live.on('entry', take), live.on('hello', fill), live.on('skipped', (s) => setSkipped((n) => n + (s.count ?? 0)))];
		return () => { stops.forEach((stop) => stop()); clearTimeout(frame); };
	}, []);

	const release = () => {
		if (held.length > 4 * page) { setRows([]); begin(); } else setRows((old) => merge(held, old));
		setHeld([]);
		setStill(false);
		scrollTo({ top: 0 });
	};
	const further = () => {
		if (!older || loading) return;
		setLoading(true);
		get('/entries', { ...params(filters), before: older, limit: page }).then((p) => {
			setRows((old) => merge(old, p.entries));
			setOlder(p.older ?? '');
			setLoading(false);
		}, (f) => { setFault(f); setLoading(false); });
	};
	const ahead = useRef(further);
	ahead.current = further;
	useEffect(() => {
		if (!bottom.current) return undefined;
		const watch = new IntersectionObserver((seen) => { if (seen[0].isIntersecting) ahead.current(); }, { rootMargin: '500px' });
		watch.observe(bottom.current);
		return () => watch.disconnect();
	}, [older === '', rows.length > 0]);

	const fresh = held.filter((e) => !e.update).length;
	const nothing = rows.length === 0 && !loading && !fault;
	return html`<section class="panel" aria-label=${text.left.list} aria-busy=${String(loading)}>
		<div class="list-head"><h2>${text.left.list}</h2>
			<button type="button" class="button plain tiny" aria-pressed=${String(still)} onClick=${() => (still ? release() : setStill(true))}><${Icon} name=${still ? 'play' : 'pause'} small />${still ? text.left.go : text.left.stop}</button></div>
		${fresh > 0 && html`<button type="button" class="fresh" onClick=${release}>${text.left.fresh(fresh)}</button>`}
		<div class="sr" aria-live="polite">${fresh > 0 ? text.left.said(fresh) : ''}</div>
		${skipped > 0 && html`<p class="skipped small">${text.left.skipped(skipped)}</p>`}
		${fault && html`<div class="inset"><${Trouble} fault=${fault} again=${rows.length ? further : begin} /></div>`}
		<${Rows} rows=${rows} />
		${nothing && (asked(filters)
			? html`<${Empty} icon="find" title=${text.left.nothing}><p>${text.left.nothingHelp}</p><a class="button" href=${link('left')}>${text.left.clear}</a><//>`
			: html`<${Empty} title=${text.left.empty}><p>${text.left.emptyHelp}</p><a class="button first" href=${link('setup')}>${text.left.toSetup}</a><//>`)}
		${loading && html`<p class="loading" role="status">${text.loading}</p>`}
		<div ref=${bottom} class="list-foot">${older ? html`<button type="button" class="button tiny" onClick=${further} disabled=${loading}>${text.left.older}</button>` : rows.length > 0 && !loading && html`<span class="small dim">${text.left.end}</span>`}</div>
	</section>`;
}

// merge puts newer before older; an entry that is there already takes its newest form and keeps its place.
function merge(first, second) {
	const seen = new Map();
	for (const e of [...first, ...second]) {
		const have = seen.get(e.id);
		if (!have || (e.done && !have.done)) seen.set(e.id, e);
	}
	const list = [...seen.values()];
	return list.sort((a, b) => Date.parse(b.time) - Date.parse(a.time) || order(b.id) - order(a.id));
}

const order = (id) => Number(id.slice(id.lastIndexOf('-') + 1)) || 0;

function Export({ filters }) {
	const href = useMemo(() => (format) => url('/export', { ...params(filters), format }), [JSON.stringify(filters)]);
	return html`<details class="drop"><summary class="button"><${Icon} name="save" small />${text.left.export}</summary><ul class="drop-list">${[['har', 'HAR'], ['ndjson', 'NDJSON'], ['csv', 'CSV']].map(([format, name]) => html`<li><a href=${href(format)} download=${`scrim.${format}`}>${name}</a></li>`)}</ul></details>`;
}

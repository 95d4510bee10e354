// Fields: the inventory as a tree of product, host, event and field.
import { html, useState, useEffect, useMemo, useData, useEvery } from '../lib.js';
import { text } from '../text.js';
import { ago, atTime, onDate, number, how } from '../words.js';
import { Head, Loaded, Avatar, Empty, Icon, Tabs, RuleLink } from '../parts.js';
import { Effect } from '../marked.js';
import { Starting } from '../starting.js';

export default function Fields() {
	const data = useData('/fields', { on: ['drift'] });
	const [words, setWords] = useState('');
	const [only, setOnly] = useState('all');
	const [rule, setRule] = useState(null);
	useEvery(30000, data.again);
	return html`<${Head} title=${text.fields.title} lead=${text.fields.lead} />
		<div class="filters"><input type="search" class="grow" placeholder=${text.fields.search} aria-label=${text.fields.search} value=${words} onInput=${(e) => setWords(e.target.value)} />
			<${Tabs} label=${text.fields.title} value=${only} onPick=${setOnly} options=${['all', 'new', 'left', 'unlisted'].map((o) => [o, text.fields[o]])} /></div>
		${rule && html`<${Starting} of=${rule} close=${() => setRule(null)} />`}
		<${Loaded} of=${data}>${(d) => html`<${Inventory} d=${d} words=${words.trim().toLowerCase()} only=${only} ask=${setRule} />`}<//>`;
}

function Inventory({ d, words, only, ask }) {
	const products = useMemo(() => sift(d.products, words, only), [d, words, only]);
	if (d.products.length === 0) return html`<${Empty} icon="fields" title=${text.fields.empty}><p>${text.fields.emptyHelp}</p><//>`;
	const open = words !== '' || only !== 'all';
	return html`${d.full && html`<div class="banner">${text.fields.full}</div>`}
		${products.length === 0 ? html`<${Empty} icon="find" title=${text.fields.nothing} />` : products.map((p, i) => html`<${ProductTree} key=${p.product} p=${p} open=${open || i === 0 || products.length < 4} deep=${open} ask=${ask} />`)}
		<p class="small dim">${d.since && text.fields.since(atTime(d.since))}${d.missed > 0 ? ` · ${text.fields.missed(d.missed)}` : ''}</p>`;
}

// sift keeps the branches that hold a fitting field.
function sift(products, words, only) {
	const want = (f, event) => (only === 'all' || (only === 'new' && (f.new || event.new)) || (only === 'left' && f.effect !== 'removed') || (only === 'unlisted' && !f.listed));
	const says = (s) => words === '' || (s ?? '').toLowerCase().includes(words);
	return products.map((p) => ({
		...p, hosts: p.hosts.map((h) => ({
			...h, events: h.events.map((e) => {
				const whole = says(e.event) || says(h.host) || says(p.title);
				return { ...e, fields: e.fields.filter((f) => want(f, e) && (whole || says(f.selector))) };
			}).filter((e) => e.fields.length > 0 || (only === 'all' && says(e.event))),
		})).filter((h) => h.events.length > 0),
	})).filter((p) => p.hosts.length > 0);
}

function ProductTree({ p, open, deep, ask }) {
	const events = p.hosts.reduce((n, h) => n + h.events.length, 0);
	const news = p.hosts.reduce((n, h) => n + h.events.reduce((m, e) => m + e.fields.filter((f) => f.new).length, 0), 0);
	return html`<details class="panel product" open=${open}><summary><${Avatar} name=${p.title || '?'} id=${p.product} /><span class="grow"><span class="pname">${p.title || text.noProduct}</span><span class="small dim">${text.fields.events(events)}</span></span>${news > 0 && html`<span class="badge new">${number(news)} ${text.fields.newTag}</span>`}<${Icon} name="down" /></summary>
		<div class="tree">${p.hosts.map((h) => html`<section key=${h.host}><h3 class="tree-host mono wrap">${h.host}</h3>${h.events.map((e, i) => html`<${EventTree} key=${e.event} host=${h.host} e=${e} open=${deep || (i === 0 && events < 6)} ask=${ask} />`)}</section>`)}</div></details>`;
}

function EventTree({ host, e, open, ask }) {
	const [is, set] = useState(open);
	useEffect(() => set(open), [open]);
	const t = text.fields;
	return html`<details class="event" open=${is} onToggle=${(x) => set(x.target.open)}><summary><${Icon} name="down" small /><span class="grow wrap"><b class="mono">${e.title || e.event}</b> <span class="small dim">${t.fields(e.fields.length)} · ${t.events(e.count)} · ${ago(e.last_seen)}</span></span>${e.new && html`<span class="badge new">${t.newEvent}</span>`}</summary>
		${is && html`${e.rule && html`<p class="small dim tree-rule">${text.entry.rule}: <${RuleLink} id=${e.rule} /></p>`}<table class="cards fields"><thead><tr>${['field', 'type', 'count', 'distinct', 'seen', 'treatment', 'vendor'].map((c) => html`<th>${t.columns[c]}</th>`)}<th><span class="sr">${t.rule}</span></th></tr></thead><tbody>
			${e.fields.map((f) => html`<${FieldRow} key=${f.selector + (f.part ?? '')} f=${f} run=${() => { ask({ host, event: e.event, rule: e.rule, field: f }); scrollTo({ top: 0 }); }} />`)}</tbody></table>`}</details>`;
}

function FieldRow({ f, run }) {
	const t = text.fields;
	const vendor = f.vendor === null ? 'null' : String(f.vendor);
	return html`<tr class=${f.new ? 'is-new' : ''}>
		<td><code class="wrap">${f.selector}</code>${f.new && html` <span class="badge new">${t.newTag}</span>`}</td>
		<td data-label=${t.columns.type}><span>${f.types.map((x) => x.type).join(', ')}${f.looks_like && f.looks_like !== f.types[0]?.type ? html`<br /><span class="small dim">${f.looks_like}</span>` : ''}</span></td>
		<td data-label=${t.columns.count} class="nums">${number(f.count)}</td>
		<td data-label=${t.columns.distinct} class="nums">${f.distinct === null ? html`<span class="dim">${t.notMeasured}</span>` : f.distinct > 20 ? t.about(f.distinct) : number(f.distinct)}</td>
		<td data-label=${t.columns.seen}><span class="small" title=${`${atTime(f.first_seen)} – ${atTime(f.last_seen)}`}>${onDate(f.first_seen)}<br />${ago(f.last_seen)}</span></td>
		<td data-label=${t.columns.treatment}><span><${Effect} effect=${f.effect} />${f.effect !== 'kept' && html`<br /><span class="small dim">${how({ transform: f.treatment, detail: f.detail })}</span>`}</span></td>
		<td data-label=${t.columns.vendor}><span class=${f.vendor === false ? 'warn' : 'dim'}>${t.vendor[vendor]}</span></td>
		<td><button type="button" class="button plain tiny" onClick=${run} aria-label=${`${t.rule}: ${f.selector}`}>${t.rule}</button></td></tr>`;
}

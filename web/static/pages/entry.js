// One entry: what it was, the request as it left with every edit in place, and where it stands in the chain.
import { html, useData, useEffect, link } from '../lib.js';
import { live } from '../api.js';
import { text } from '../text.js';
import { atTime, ago, bytes, millis, subject, sentence, clientOf } from '../words.js';
import { Head, Panel, Loaded, Verdict, Icon, Avatar } from '../parts.js';
import { Rows } from '../rows.js';
import { Message } from '../request.js';

export default function EntryPage({ route }) {
	const id = route.rest[0] ?? 'last';
	const detail = useData('/entries/' + encodeURIComponent(id));
	useEffect(() => live.on('entry', (e) => { if (e.update && (e.id === id || e.flow === detail.data?.entry.flow)) detail.again(); }), [id, detail.data]);
	return html`<a class="back" href=${link('left')}><${Icon} name="back" small />${text.entry.back}</a>
		<${Loaded} of=${detail}>${(d) => html`<${Entry} d=${d} />`}<//>`;
}

function Entry({ d }) {
	const e = d.entry;
	const about = { rule: e.rule, why: d.why, kind: e.kind, product: e.product, kindTitle: e.kind_title || e.kind };
	const pieces = sentence(e);
	const both = d.original !== null;
	return html`<div class="entry-head"><${Avatar} name=${subject(e)} id=${e.product} /><div class="grow"><${Head} title=${[subject(e), ...pieces].join(' · ')} lead=${`${atTime(e.time)} · ${ago(e.time)}`} /></div><${Verdict} entry=${e} /></div>
		<div class=${'entry-grid' + (both ? ' wide' : '')}><div>
			<${Left} d=${d} about=${about} />
			${d.parts.length > 0 && html`<${Panel} title=${text.entry.partsTitle} flush><${Rows} rows=${d.parts} plain /><//>`}
			${d.same_flow.length > 0 && html`<${Panel} title=${text.entry.sameFlow} flush><${Rows} rows=${d.same_flow} plain /><//>`}
		</div><aside><${Facts} d=${d} /></aside></div>`;
}

const count = (edits) => edits.reduce((n, e) => ({ ...n, [e.effect]: n[e.effect] + 1 }), { kept: 0, changed: 0, removed: 0 });

function Left({ d, about }) {
	const e = d.entry;
	// Of an exchange in parts, each entry shows its own.
	const edits = d.edits.filter((x) => !x.part || !e.part || x.part === e.part);
	const counts = count(edits);
	const aside = text.entry.summary(counts.kept, counts.changed, counts.removed);
	const original = d.original && html`<${Panel} title=${text.entry.original} aside=${atTime(d.original.time)}><p class="small dim">${text.entry.originalHelp}</p><${Message} request=${d.original.request} about=${about} host=${e.host} plain /><//>`;
	if (!d.request) {
		if (e.type === 'event' || e.type === 'tunnel') return null;
		const ghost = { method: e.method || '', target: e.target || '', header: [], body: null };
		const help = e.verdict === 'hold' || e.parts_left ? text.entry.heldHelp : text.entry.keptHelp;
		const kept = edits.length > 0 && html`<${Panel} title=${e.verdict === 'hold' ? text.verdict.hold : text.entry.keptTitle} aside=${aside}><p class="dim small">${help}</p><${Message} request=${ghost} edits=${edits} about=${about} host=${e.host} /><//>`;
		return original ? html`<div class="beside">${original}${kept}</div>` : kept;
	}
	const left = html`<${Panel} title=${text.entry.leftTitle} aside=${aside}><${Message} request=${d.request} edits=${edits} about=${about} host=${e.host} /><p class="small dim masked">${text.entry.masked}</p><//>`;
	return original ? html`<div class="beside">${original}${left}</div>` : left;
}

function Facts({ d }) {
	const e = d.entry;
	const facts = [
		[text.entry.why, d.why],
		[text.entry.detail, [text.reason[e.reason] ?? (e.type === 'event' ? '' : e.reason), e.detail].filter(Boolean).join(': ')],
		[text.entry.error, e.error],
		[text.entry.kind, e.kind && html`<a href=${link('products', e.product ?? '', e.kind)}>${e.kind_title || e.kind}</a>`],
		[text.entry.rule, e.rule && html`<a class="mono" href=${link('rules', e.rule)}>${e.rule}</a>${d.rule_known ? '' : html` <span class="dim">(${text.entry.ruleGone})</span>`}`],
		[text.entry.from, clientOf(e) && html`${clientOf(e)}${e.client_name && html` <span class="dim">${e.client}</span>`}`],
		[text.entry.to, e.host && `${e.host}${e.port ? ':' + e.port : ''}`],
		[text.entry.door, e.door && (text.door[e.door] ?? e.door)],
		[text.entry.outcome, outcome(e, d.result)],
		[text.entry.size, (e.bytes_in || e.bytes_out) && text.entry.size2(bytes(e.bytes_out ?? 0), bytes(e.bytes_in ?? 0))],
	];
	return html`<${Panel}><dl class="facts small">${facts.filter(([, v]) => v).map(([k, v]) => html`<dt key=${k}>${k}</dt><dd>${v}</dd>`)}</dl>
		<div class="bar entry-ways">
			${e.kind && e.product && html`<a class="button" href=${link('products', e.product, e.kind)}><${Icon} name="products" small />${text.entry.toSwitch(e.kind_title || e.kind)}</a>`}
			${e.rule && html`<a class="button plain tiny" href=${link('left', { rule: e.rule })}>${text.entry.like}</a>`}
		</div>
		<details class="chain"><summary class="small">${text.entry.chain}</summary><dl class="facts small"><dt>${text.entry.id}</dt><dd class="mono">${e.id}</dd><dt>${text.entry.hash}</dt><dd class="mono">${d.chain.hash}</dd><dt>${text.entry.hashBefore}</dt><dd class="mono">${d.chain.prev}</dd></dl></details><//>`;
}

function outcome(e, result) {
	const status = result?.status ?? e.status;
	if (!status) return result?.error;
	const who = e.type === 'sent' ? text.entry.by : text.entry.answered;
	return `${status} ${who}${result?.duration_ms !== undefined ? ` · ${millis(result.duration_ms)}` : ''}${result?.error ? ` · ${result.error}` : ''}`;
}

// Rules: in the order in which they are tried, with hits, and a box that says which decides.
import { html, useState, useEffect, useRef, useData, link } from '../lib.js';
import { post } from '../api.js';
import { text } from '../text.js';
import { ago, number } from '../words.js';
import { Head, Loaded, Panel, Empty, Icon, Tabs, Trouble, Verdict, RuleLink } from '../parts.js';
import { Message } from '../request.js';
import { EditList } from '../marked.js';
import { readRequest } from '../paste.js';

export default function Rules({ route }) {
	const data = useData('/rules', { on: ['changed'] });
	const [words, setWords] = useState('');
	const [only, setOnly] = useState('all');
	return html`<${Head} title=${text.rules.title} lead=${text.rules.lead} />
		<${Explain} />
		<div class="filters"><input type="search" class="grow" placeholder=${text.rules.search} aria-label=${text.rules.search} value=${words} onInput=${(e) => setWords(e.target.value)} />
			<${Tabs} label=${text.rules.title} value=${only} onPick=${setOnly} options=${['all', 'used', 'unused'].map((o) => [o, text.rules[o]])} /></div>
		<${Loaded} of=${data}>${(d) => html`<${List} d=${d} words=${words.trim().toLowerCase()} only=${only} goal=${route.rest[0] ?? ''} />`}<//>`;
}

function List({ d, words, only, goal }) {
	const t = text.rules;
	const fits = (r) => (only === 'all' || (only === 'used') === r.hits > 0) && (words === '' || `${r.id} ${r.product_title ?? ''} ${r.kind ?? ''} ${r.why ?? ''} ${r.file}`.toLowerCase().includes(words));
	const groups = [];
	for (const r of d.rules.filter(fits)) {
		const name = r.product_title || r.product || t.own;
		if (groups.at(-1)?.name !== name) groups.push({ name, product: r.product, rules: [] });
		groups.at(-1).rules.push(r);
	}
	return html`${d.warnings.length > 0 && html`<div class="banner"><${Icon} name="event" /><div class="grow"><strong>${t.warnings}</strong><ul class="small mono">${d.warnings.map((w) => html`<li class="wrap">${w}</li>`)}</ul></div></div>`}
		${groups.length === 0 && html`<${Empty} icon="rules" title=${t.empty} />`}
		${groups.map((g) => html`<${Panel} key=${g.name + g.rules[0].id} title=${g.name} aside=${text.products.rules(g.rules.length)} flush><ul>${g.rules.map((r) => html`<${Rule} key=${r.id} r=${r} goal=${goal === r.id} />`)}</ul><//>`)}`;
}

function Rule({ r, goal }) {
	const t = text.rules;
	const room = useRef(null);
	useEffect(() => { if (goal) { room.current.scrollIntoView({ block: 'center' }); room.current.focus({ preventScroll: true }); } }, [goal]);
	return html`<li class=${'rule' + (goal ? ' goal' : '')} ref=${room} tabindex=${goal ? '-1' : null}>
		<div class="grow"><code class="rule-id wrap">${r.id}</code>${r.why && html`<p class="small">${r.why}</p>`}<p class="small dim wrap">${[r.kind, `${r.file}:${r.line}`].filter(Boolean).join(' · ')}</p></div>
		<div class="rule-side"><${Then} then=${r.then} /><span class="small nums">${r.hits ? html`<a href=${link('left', { rule: r.id })}>${t.hits(r.hits)}</a>` : html`<span class="dim">${t.never}</span>`}</span>${r.last_hit && html`<span class="small dim">${t.last(ago(r.last_hit))}</span>`}${r.product && r.kind && html`<a class="small" href=${link('products', r.product, r.kind)}>${text.products.kinds}<span class="sr">: ${r.id}</span></a>`}</div></li>`;
}

function Then({ then }) {
	return html`<span class=${'badge ' + then}><${Icon} name=${then} />${text.rules.then[then] ?? then}</span>`;
}

const blank = { method: 'POST', url: '', headers: '', body: '' };

function Explain() {
	const t = text.rules;
	const [q, setQ] = useState(blank);
	const [got, setGot] = useState(null);
	const [fault, setFault] = useState(null);
	const [busy, setBusy] = useState(false);
	const set = (name) => (e) => setQ({ ...q, [name]: e.target.value });
	// A whole request or a curl command, pasted into the URL's box, fills the others.
	const paste = (e) => {
		const read = readRequest(e.clipboardData?.getData('text') ?? '');
		if (!read) return;
		e.preventDefault();
		setQ({ ...blank, ...read });
	};
	const ask = async (e) => {
		e.preventDefault();
		if (!/^https?:\/\/./.test(q.url.trim())) { setGot(null); setFault({ code: 'bad_request', message: t.needUrl }); return; }
		setBusy(true);
		try {
			const headers = q.headers.split('\n').map((l) => l.match(/^\s*([^:\s]+)\s*:\s*(.*?)\s*$/)).filter(Boolean).map((m) => ({ name: m[1], value: m[2] }));
			setGot(await post('/rules/explain', { method: q.method, url: q.url.trim(), headers, ...(q.body ? { body: q.body } : {}) }));
			setFault(null);
		} catch (f) { setGot(null); setFault(f); }
		setBusy(false);
	};
	return html`<${Panel} title=${t.explain}><form class="stack" onSubmit=${ask}><p class="small dim">${t.explainHelp}</p>
		<div class="ask"><label class="field">${t.method}<select value=${q.method} onChange=${set('method')}>${['POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((m) => html`<option>${m}</option>`)}</select></label>
		<label class="field grow">${t.url}<input type="text" inputmode="url" spellcheck=${false} autocapitalize="off" placeholder="https://metrics.plex.tv/collect/event" value=${q.url} onInput=${set('url')} onPaste=${paste} /></label></div>
		<div class="ask two"><label class="field">${t.headers}<textarea spellcheck=${false} value=${q.headers} onInput=${set('headers')}></textarea></label><label class="field">${t.body}<textarea spellcheck=${false} value=${q.body} onInput=${set('body')}></textarea></label></div>
		<div class="bar"><button class="button first" type="submit" disabled=${busy}>${t.ask}</button><button class="button plain" type="button" onClick=${() => { setQ(blank); setGot(null); setFault(null); }}>${t.clear}</button></div></form>
		<div aria-live="polite">${fault && html`<div class="answer"><${Trouble} fault=${fault} /></div>`}${got && html`<${Answer} a=${got} />`}</div><//>`;
}

function Answer({ a }) {
	const t = text.rules;
	return html`<div class="answer stack">
		<div class="bar"><h3 class="wrap">${a.rule ? html`<${RuleLink} id=${a.rule} />` : t.none}</h3>${a.verdict && html`<${Verdict} verdict=${a.verdict} />`}</div>
		<p class="small">${t.gate[a.gate]} ${text.reason[a.reason] ?? a.reason ?? ''} ${a.detail ?? ''}</p>
		${a.tried.length > 0 && html`<div><h3>${t.tried}</h3><ul class="tried small">${a.tried.map((x, i) => html`<li key=${i} class=${x.held ? 'held' : ''}><${Icon} name=${x.held ? 'check' : 'refuse'} small /><span class="wrap"><code>${x.rule}</code> <span class="dim">${x.held ? t.held : x.failed}</span></span></li>`)}</ul></div>`}
		${a.drift.length > 0 && html`<div><h3>${t.drift}</h3><ul class="small">${a.drift.map((x) => html`<li class="wrap"><code>${x}</code></li>`)}</ul></div>`}
		<div><h3>${t.leaves}</h3>${a.leaves.length === 0 && html`<p class="small dim">${t.leavesNothing}</p>`}</div>
		${a.leaves.map((l, i) => html`<div key=${i} class="leaf">${(l.part || l.held) && html`<p class="small">${l.part && t.part(l.part)} ${l.held && html`<span class="badge hold">${t.heldPart}</span>`}</p>`}<${Message} request=${l.request} edits=${a.edits.filter((x) => !x.part || !l.part || x.part === l.part)} about=${{ rule: a.rule }} /></div>`)}
		${a.leaves.length === 0 && a.edits.length > 0 && html`<div><h3>${t.edits} (${number(a.edits.length)})</h3><${EditList} edits=${a.edits} /></div>`}
	</div>`;
}

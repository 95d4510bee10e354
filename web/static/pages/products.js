// Products: a switch for each kind of data, the profile, and pauses that end by themselves.
import { html, useState, useEffect, useRef, useData, useEvery, link } from '../lib.js';
import { post, remove } from '../api.js';
import { text } from '../text.js';
import { ago, until, remaining } from '../words.js';
import { Head, Loaded, Avatar, Icon, Panel, Empty, toast, faultLine } from '../parts.js';

export default function Products({ route }) {
	const data = useData('/products', { on: ['changed'] });
	const [words, setWords] = useState('');
	const put = (product) => data.put({ ...data.data, products: data.data.products.map((p) => (p.name === product.name ? product : p)) });
	return html`<${Head} title=${text.products.title} lead=${text.products.lead}>${data.data && html`<${Profile} label=${text.products.profileAll} value=${data.data.profile} origin=${data.data.profile_origin} run=${(profile) => act(() => post('/profile', { profile }), data.put)} />`}<//>
		<div class="filters"><input type="search" class="grow" placeholder=${text.products.search} aria-label=${text.products.search} value=${words} onInput=${(e) => setWords(e.target.value)} /></div>
		<${Loaded} of=${data}>${(d) => html`<${Lists} products=${d.products} words=${words} goal=${route.rest} put=${put} />`}<//>`;
}

// act runs a change, puts its answer in place, and says what went wrong.
async function act(run, put, said) {
	try {
		put(await run());
		if (said) toast(said);
		return true;
	} catch (fault) {
		toast(faultLine(fault), true);
		return false;
	}
}

function Lists({ products, words, goal, put }) {
	const wanted = words.trim().toLowerCase();
	const fits = (p) => !wanted || `${p.title} ${p.name} ${p.kinds.map((k) => k.title).join(' ')} ${p.hosts.map((h) => h.name).join(' ')}`.toLowerCase().includes(wanted);
	const some = products.filter(fits);
	const seen = some.filter((p) => p.seen);
	const unseen = some.filter((p) => !p.seen);
	if (some.length === 0) return html`<${Empty} icon="find" title=${text.left.nothing} />`;
	const cards = (list, open) => list.map((p) => html`<${Product} key=${p.name} p=${p} put=${put} goal=${goal[0] === p.name ? goal[1] ?? '' : null} open=${open || goal[0] === p.name || wanted !== ''} />`);
	return html`${seen.length > 0 && html`<h2 class="group">${text.products.seen}</h2>${cards(seen, true)}`}
		${unseen.length > 0 && html`<h2 class="group">${text.products.unseen}</h2>${cards(unseen, seen.length === 0 && unseen.length < 3)}`}`;
}

function Product({ p, put, goal, open }) {
	const room = useRef(null);
	useEffect(() => { if (goal === '') room.current?.scrollIntoView({ block: 'start' }); }, [goal]);
	return html`<details class="panel product" id=${'product-' + p.name} open=${open} ref=${room}>
		<summary><${Avatar} name=${p.title} id=${p.name} /><span class="grow"><span class="pname">${p.title}</span><span class="small dim wrap">${p.seen ? (p.last ? text.products.last(ago(p.last)) : '') : text.products.none}</span></span><${Lamps} kinds=${p.kinds} /><${Icon} name="down" /></summary>
		<div class="body">
			<${Pause} p=${p} put=${put} />
			<ul class="kinds">${p.kinds.map((k) => html`<${Kind} key=${k.name} p=${p} k=${k} put=${put} goal=${goal === k.name} />`)}</ul>
			${p.name === 'plex' && html`<${Plex} />`}
			<div class="product-foot"><${Profile} label=${text.products.profile} value=${p.profile} origin=${p.profile_origin} product run=${(profile) => act(() => post(`/products/${encodeURIComponent(p.name)}/profile`, { profile }), put)} />
				<details class="grow hosts-of"><summary class="small">${text.products.hosts} (${p.hosts.length})</summary><ul class="small">${p.hosts.map((h) => html`<li class="wrap"><code>${h.name}</code> <span class="dim">${h.refused ? text.hosts.refused : text.products.classes[h.class]}</span></li>`)}</ul></details>
				<a class="button plain tiny" href=${link('left', { product: p.name })}>${text.products.see}</a></div>
		</div>
	</details>`;
}

function Lamps({ kinds }) {
	const by = ['pass', 'generalize', 'drop'].map((s) => [s, kinds.filter((k) => k.switch === s).length]).filter(([, n]) => n > 0);
	return html`<span class="lamps">${by.map(([s, n]) => html`<span class=${'badge ' + s}><${Icon} name=${s} />${n}<span class="sr"> ${text.products.states[s]}</span></span>`)}</span>`;
}

function Kind({ p, k, put, goal }) {
	const [busy, setBusy] = useState('');
	const room = useRef(null);
	useEffect(() => {
		if (!goal) return;
		room.current.scrollIntoView({ block: 'center' });
		room.current.querySelector('input:checked')?.focus({ preventScroll: true });
	}, [goal]);
	const turns = useRef(0);
	// The switch stays focusable while it turns; of quick turns the last one counts.
	const turn = async (value) => {
		const mine = ++turns.current;
		setBusy(value);
		const state = value === 'default' ? text.products.reset : text.products.states[value];
		await act(() => post(`/products/${encodeURIComponent(p.name)}/kinds/${encodeURIComponent(k.name)}`, { switch: value }), put, text.products.done(k.title, state));
		if (mine === turns.current) setBusy('');
	};
	const now = busy && busy !== 'default' ? busy : k.switch;
	return html`<li class=${'kind' + (goal ? ' goal' : '')} ref=${room}>
		<div class="grow"><h3>${k.title}</h3><p class="small dim wrap">${[k.events ? text.products.events(k.events) : text.products.none, k.last && text.products.last(ago(k.last)), origin(k.origin)].filter(Boolean).join(' · ')} ${chosen(k.origin) && html`<button type="button" class="linklike" onClick=${() => turn('default')} disabled=${busy !== ''}>${text.products.reset}</button>`}</p></div>
		<div class="switch-room"><fieldset class=${'switch ' + now} aria-busy=${String(busy !== '')}><legend class="sr">${text.products.switchOf(k.title, p.title)}</legend>
			${['pass', 'generalize', 'drop'].map((s) => html`<label key=${s} title=${text.products.means[s]}><input type="radio" name=${`${p.name}/${k.name}`} value=${s} checked=${now === s} onChange=${() => turn(s)} /><span>${text.products.states[s]}</span></label>`)}
		</fieldset><p class="small dim means">${text.products.means[now]}</p></div>
	</li>`;
}

const chosen = (from) => /choices\.yaml/.test(from);

function origin(from) {
	if (from === 'default' || from === '') return text.products.byDefault;
	if (chosen(from)) return text.products.byYou;
	return text.products.byFile(from);
}

function Profile({ label, value, origin: from, product, run }) {
	const now = product && !chosen(from) ? 'default' : value;
	const options = product ? ['default', 'generalized', 'strict'] : ['generalized', 'strict'];
	return html`<label class="field small profile">${label}<select value=${now} onChange=${(e) => run(e.target.value)}>${options.map((o) => html`<option value=${o}>${text.products.profiles[o]}${o === 'default' ? ` (${text.products.profiles[value].toLowerCase()})` : ''}</option>`)}</select><small>${text.products.profileMeans[value]}</small></label>`;
}

function Pause({ p, put }) {
	const [, tick] = useState(0);
	useEvery(1000, () => { if (p.pause_until) tick((n) => n + 1); });
	const path = `/products/${encodeURIComponent(p.name)}/pause`;
	if (p.pause_until && new Date(p.pause_until) > Date.now()) {
		return html`<div class="banner"><${Icon} name="pause" /><span class="grow">${text.products.paused(until(p.pause_until))} · <span class="nums">${text.products.remains(remaining(p.pause_until))}</span></span><button type="button" class="button tiny" onClick=${() => act(() => remove(path), put, text.products.resumed(p.title))}>${text.products.resume}</button></div>`;
	}
	const start = (choice) => {
		const body = choice === 'tomorrow' ? { until: tomorrow().toISOString() } : { minutes: Number(choice) };
		return act(() => post(path, body), put);
	};
	return html`<div class="bar pause"><span class="small dim">${text.products.pause}</span>${['15', '60', 'tomorrow'].map((c) => html`<button type="button" key=${c} class="button tiny" title=${text.products.pauseHelp} onClick=${() => start(c)}>${text.products.pauses[c]}</button>`)}<span class="small dim grow">${text.products.pauseHelp}</span></div>`;
}

function tomorrow() {
	const d = new Date();
	return new Date(d.getFullYear(), d.getMonth(), d.getDate() + 1);
}

function Plex() {
	const t = text.products.plex;
	return html`<${Panel} title=${t.title} level=${3}><div class="stack small"><p>${t.body}</p><ol class="numbered">${t.steps.map((s) => html`<li>${s}</li>`)}</ol><p class="dim">${t.after}</p><p><a href="https://www.plex.tv/about/privacy-legal/" target="_blank" rel="noopener noreferrer">${t.link}</a></p></div><//>`;
}

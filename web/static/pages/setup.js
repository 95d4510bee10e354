// Set up: choose a product and a door, copy the steps, fetch the authority, and see the first event come.
import { html, useState, useEffect, useData, link } from '../lib.js';
import { live } from '../api.js';
import { text } from '../text.js';
import { atTime, onDate, subject, sentence } from '../words.js';
import { Head, Panel, Loaded, Copy, Icon } from '../parts.js';

export default function Setup() {
	const data = useData('/setup', { on: ['changed'] });
	return html`<${Head} title=${text.setup.title} lead=${data.data && data.data.first_event === null ? text.setup.first : text.setup.lead} />
		<${Loaded} of=${data}>${(d) => html`<${Guide} d=${d} again=${data.again} />`}<//>`;
}

function Guide({ d, again }) {
	const [product, setProduct] = useState(() => keep('scrim-setup-product') ?? (d.products.some((p) => p.name === 'plex') ? 'plex' : d.products[0]?.name ?? ''));
	const [door, setDoor] = useState(() => keep('scrim-setup-door') ?? 'proxy');
	const pick = (set, key) => (value) => { set(value); try { sessionStorage.setItem(key, value); } catch { /* not kept */ } };
	const family = text.setup.families[product] ?? 'any';
	return html`<${First} d=${d} again=${again} />
		<${Panel}><div class="choose"><label class="field">${text.setup.product}<select value=${product} onChange=${(e) => pick(setProduct, 'scrim-setup-product')(e.target.value)}>${d.products.map((p) => html`<option key=${p.name} value=${p.name}>${p.title}</option>`)}<option value="">${text.setup.other}</option></select></label>
			<fieldset class="doors"><legend class="field">${text.setup.door}</legend>${Object.keys(text.setup.doors).map((k) => html`<label key=${k} class="door"><input type="radio" name="door" value=${k} checked=${door === k} onChange=${() => pick(setDoor, 'scrim-setup-door')(k)} /><span class="door-face"><b>${text.setup.doors[k]}</b><span class="small dim">${text.setup.doorHelp[k]}</span></span></label>`)}</fieldset></div><//>
		<div class="entry-grid"><div><${Steps} d=${d} product=${product} door=${door} way=${text.setup.ways[family]} family=${family} /></div><aside><${Authority} d=${d} /></aside></div>`;
}

const keep = (key) => { try { return sessionStorage.getItem(key); } catch { return null; } };

function Step({ n, title, children }) {
	return html`<li class="step"><span class="step-n" aria-hidden="true">${n}</span><div class="grow stack"><h2><span class="sr">${text.setup.step(n)}: </span>${title}</h2>${children}</div></li>`;
}

function Steps({ d, product, door, way, family }) {
	const t = text.setup;
	const machine = d.addresses[0] ?? 'localhost';
	const open = (name) => d.doors.some((x) => x.name === name);
	const pem = (d.web || location.origin).replace(/\/$/, '') + d.ca.pem;
	const proxy = d.proxy || `http://${machine}:3128`;
	const steps = [];
	const step = (title, ...children) => steps.push(html`<${Step} n=${steps.length + 1} title=${title}>${children}<//>`);
	const closed = (name, line) => !open(name) && html`<p>${t.closed(text.door[name] ?? name)}</p><${Copy} value=${line} label=${t.door} />`;
	const own = (code) => code.replace('PRODUCT', product || 'PRODUCT');

	if (door === 'proxy') {
		step(t.point, closed('proxy', 'listen: {proxy: ":3128"}'), html`<p>${way.point}</p>`, way.pointCode && html`${way.docker && html`<h3>${t.systemd}</h3>`}<${Copy} value=${own(way.pointCode(proxy))} label=${t.point} />`, way.docker && html`<h3>${t.docker}</h3><${Copy} value=${way.docker(proxy)} label=${t.docker} />`);
	} else if (door === 'dns') {
		step(t.dnsStep, closed('dns', t.dnsOpen), html`<p>${t.dnsHelp}</p><${Copy} value=${t.dnsCode} label=${t.dnsStep} />`);
	} else if (door === 'transparent') {
		step(t.routerStep, closed('transparent', t.routerOpen), html`<p>${t.routerHelp}</p><${Copy} value=${t.routerCode} label=${t.routerStep} /><${Copy} value=${t.routerUndo} label=${t.routerStep} />`);
	} else {
		step(t.baseStep, closed('collector', t.baseOpen), html`<p>${t.baseHelp}</p><${Copy} value=${`${d.collector || `http://${machine}:3130`}/metrics.plex.tv/collect/event`} label=${t.baseStep} /><p class="dim small">${t.baseNoCa}</p>`);
	}
	if (door !== 'collector') step(t.trust, html`<p>${way.trust}</p>`, way.trustCode && html`<${Copy} value=${way.trustCode(pem)} label=${t.trust} />`);
	if (door === 'proxy' && way.restart) step(t.restart, html`<${Copy} value=${own(way.restart)} label=${t.restart} />`);
	step(t.play, html`<p>${t.playHelp}</p>`);
	return html`<ol class="steps">${steps}</ol>
		${product && family !== 'tv' && door === 'proxy' && html`<${Panel} title=${t.short}><div class="stack"><${Copy} value=${`sudo scrim setup ${product}`} label=${t.short} /><p class="small dim">${t.shortHelp}</p></div><//>`}
		<p class="small dim">${t.reload} ${d.addresses.length > 0 && t.machine(d.addresses.join(', '))}</p>`;
}

// First waits for the first event and turns green.
function First({ d, again }) {
	const [came, setCame] = useState(null);
	useEffect(() => live.on('entry', (e) => { if (e.type === 'event') return; setCame(e); if (d.first_event === null) again(); }), [d.first_event]);
	const first = d.first_event;
	if (first === null && !came) return html`<div class="first-event waiting" role="status"><span class="spinner" aria-hidden="true"></span><strong class="grow">${text.setup.waiting}</strong></div>`;
	return html`<div class="first-event came" role="status"><${Icon} name="check" /><div class="grow"><strong>${text.setup.came}</strong><div class="small wrap">${came ? [subject(came), ...sentence(came)].join(' · ') : text.setup.cameAt(atTime(first))}</div></div><a class="button" href=${came ? link('entry', came.id) : link('left')}>${text.setup.cameSee}</a></div>`;
}

function Authority({ d }) {
	const t = text.setup;
	return html`<${Panel} title=${t.ca}><div class="stack">
		<p class="small">${t.caHelp}</p>
		<div><span class="small dim">${t.fingerprint}</span><code class="print">${d.ca.fingerprint}</code></div>
		<p class="small dim wrap">${d.ca.subject} · ${t.expires(onDate(d.ca.not_after))}</p>
		<div class="bar"><a class="button first" href=${local(d.ca.pem)} download="scrim-ca.pem"><${Icon} name="save" small />${t.pem}</a><a class="button" href=${local(d.ca.der)} download="scrim-ca.crt">${t.der}</a></div>
		${d.qr ? html`<figure class="qr"><img src=${local(d.qr)} alt=${t.qr} width="168" height="168" /><figcaption class="small dim">${t.qr}</figcaption></figure>` : html`<p class="small dim">${t.qrNone}</p>`}
		${d.pac && html`<div class="stack"><span class="small dim">${t.pac}</span><${Copy} value=${d.pac} label=${t.pac} /></div>`}
	</div><//>`;
}

// local makes a path of the API one below this page.
const local = (path) => new URL(path.replace(/^\//, ''), document.baseURI).pathname;

// What comes through scrim of each client, and what goes around it.
import { html, useData, useEvery } from './lib.js';
import { text } from './text.js';
import { ago, number } from './words.js';
import { Panel, Loaded, Icon } from './parts.js';

export function Coverage() {
	const data = useData('/coverage');
	useEvery(15000, data.again);
	if (data.fault?.code === 'not_found') return null;
	const t = text.coverage;
	return html`<${Panel} title=${t.title}><${Loaded} of=${data}>${(c) => html`<div class="stack">
		${!c.dns_door && html`<p class="small dim">${t.noDns}</p>`}
		${c.clients.length === 0 && html`<p class="dim">${t.none}</p>`}
		${c.clients.map((one) => html`<${Client} key=${one.client} c=${one} />`)}</div>`}<//><//>`;
}

const came = (x) => x.intercepted + x.tunnelled + x.refused + x.failed;

function Client({ c }) {
	const t = text.coverage;
	const around = c.products.reduce((n, p) => n + p.around, 0);
	const ways = [c.quic_rejected > 0 && t.quic(c.quic_rejected), c.dns_bypass.length > 0 && t.bypass(c.dns_bypass.join(', '))].filter(Boolean);
	const bad = around > 0 || c.dns_bypass.length > 0;
	return html`<section class="covered"><h3 class="bar"><${Icon} name=${bad ? 'failed' : 'check'} small /><span class="wrap">${c.name || c.client}</span>${c.name && html`<span class="small dim">${c.client}</span>`}${around > 0 && html`<span class="badge pass">${t.around(around)}</span>`}</h3>
		${ways.map((w) => html`<p class="small wrap">${w}</p>`)}
		<ul class="lines small">${c.products.map((p) => html`<li key=${p.product}><span class="grow wrap"><b>${p.product || text.noProduct}</b> <span class="dim">${t.came(came(p))}${Object.keys(p.doors).length ? ` · ${Object.keys(p.doors).map((d) => text.door[d] ?? d).join(', ')}` : ''}</span>
			${p.names.filter((n) => n.standing === 'around').map((n) => html`<br /><span class="warn"><code>${n.name}</code> ${t.standing.around}</span> <span class="dim">${t.asked(n.asked)}${n.last_asked ? `, ${ago(n.last_asked)}` : ''}</span>`)}</span></li>`)}
			<li><span class="dim">${t.other} ${number(came(c.other))}</span></li></ul></section>`;
}

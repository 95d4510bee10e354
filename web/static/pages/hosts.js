// Hosts: what was carried unread, what in it looks like telemetry, and the hosts that rules name.
import { html, useState, useEffect, useRef, useData, useEvery, link } from '../lib.js';
import { text } from '../text.js';
import { ago, bytes, number } from '../words.js';
import { Head, Loaded, Panel, Empty, Icon, Tabs, Copy } from '../parts.js';

export default function Hosts() {
	const [days, setDays] = useState(7);
	const [words, setWords] = useState('');
	const data = useData('/hosts', { params: { days } });
	useEvery(30000, data.again);
	return html`<${Head} title=${text.hosts.title} lead=${text.hosts.lead}><${Tabs} label=${text.hosts.period} value=${days} onPick=${setDays} options=${[1, 7, 30, 90].map((n) => [n, text.hosts.days(n)])} /><//>
		<div class="filters"><input type="search" class="grow" placeholder=${text.hosts.search} aria-label=${text.hosts.search} value=${words} onInput=${(e) => setWords(e.target.value)} /></div>
		<${Loaded} of=${data}>${(d) => html`<${Lists} d=${d} words=${words.trim().toLowerCase()} />`}<//>`;
}

function Lists({ d, words }) {
	const t = text.hosts;
	const fits = (name) => words === '' || name.toLowerCase().includes(words);
	const tunnels = d.tunnels.filter((x) => fits(x.host));
	const odd = tunnels.filter((x) => x.telemetry_like);
	const ruled = d.ruled.filter((x) => fits(x.name));
	return html`${odd.length > 0 && html`<${Panel} title=${t.suspicious} aside=${t.suspiciousHelp} flush><${Tunnels} list=${odd} odd /><details class="inset small"><summary>${t.explain}</summary><div class="stack"><p>${t.explainBody}</p><${Copy} value=${`rules:\n  - id: home-refuse\n    match: {host: [${JSON.stringify(odd[0].host)}]}\n    then: refuse`} label=${t.explain} /></div></details><//>`}
		${tunnels.length > 0 && html`<${Panel} title=${t.top}><${Bars} list=${tunnels.slice(0, 10)} /><//>`}
		<${Panel} title=${t.tunnels} aside=${t.totals(d.totals.hosts, d.totals.count, bytes(d.totals.bytes_in + d.totals.bytes_out))} flush>${tunnels.length ? html`<${Tunnels} list=${tunnels} />` : html`<${Empty} icon="hosts" title=${t.empty} />`}<//>
		<${Panel} title=${t.ruled} aside=${number(ruled.length)} flush><table class="cards"><thead><tr><th>${t.columns.host}</th><th>${t.columns.class}</th><th>${t.columns.product}</th><th></th></tr></thead><tbody>
			${ruled.map((r) => html`<tr key=${r.name}><td><code class="wrap">${r.name}</code></td><td data-label=${t.columns.class}><span class=${'badge ' + (r.refused ? 'refuse' : r.class === 'telemetry' ? 'generalize' : 'event')}>${r.refused ? t.refused : text.products.classes[r.class]}</span></td><td data-label=${t.columns.product}>${r.product && html`<a href=${link('products', r.product)}>${r.product}</a>`}</td><td><a class="small" href=${link('left', { host: r.name })}>${t.entries}<span class="sr">: ${r.name}</span></a></td></tr>`)}</tbody></table><//>`;
}

// Bars are the bytes by host, sent and received.
function Bars({ list }) {
	const top = Math.max(...list.map((x) => x.bytes_in + x.bytes_out), 1);
	return html`<ul class="bars">${list.map((x) => html`<li key=${x.host}><span class="bar-name wrap">${x.host}</span><span class="bar-room" aria-hidden="true"><${Span} part=${x.bytes_out / top} kind="out" /><${Span} part=${x.bytes_in / top} kind="in" /></span><span class="small nums bar-say">${text.hosts.sentOf(bytes(x.bytes_out), bytes(x.bytes_in))}</span></li>`)}</ul>`;
}

function Span({ part, kind }) {
	const room = useRef(null);
	useEffect(() => { room.current.style.width = `${Math.max(part * 100, part > 0 ? 0.4 : 0)}%`; }, [part]);
	return html`<span class=${'span ' + kind} ref=${room}></span>`;
}

function Tunnels({ list, odd }) {
	const t = text.hosts.columns;
	const [most, setMost] = useState(100);
	return html`<table class="cards"><thead><tr><th>${t.host}</th>${odd && html`<th>${t.why}</th>`}<th class="num">${t.conns}</th><th class="num">${t.out}</th><th class="num">${t.in}</th><th>${t.clients}</th><th>${t.last}</th></tr></thead><tbody>
		${list.slice(0, most).map((x) => html`<tr key=${x.host}><td><span class="wrap"><code>${x.host}</code>${x.telemetry_like && !odd && html` <span class="badge pass" title=${x.why}><${Icon} name="failed" />${text.hosts.like}</span>`}</span></td>${odd && html`<td data-label=${t.why}>${x.why}</td>`}
		<td class="num" data-label=${t.conns}>${number(x.count)}</td><td class="num" data-label=${t.out}>${bytes(x.bytes_out)}</td><td class="num" data-label=${t.in}>${bytes(x.bytes_in)}</td><td data-label=${t.clients}><span class="wrap small">${x.clients.join(', ')}</span></td><td data-label=${t.last}><span class="small nowrap">${ago(x.last)}</span></td></tr>`)}
	</tbody></table>${list.length > most && html`<div class="list-foot"><button type="button" class="button tiny" onClick=${() => setMost(most * 3)}>${text.entry.showAll}</button></div>`}`;
}

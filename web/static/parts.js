// Small components that pages share.
import { html, useState, useEffect, useRef, link } from './lib.js';
import { text } from './text.js';
import { verdictOf, hue } from './words.js';

const paths = {
	left: 'M4 12h11M11 7l5 5-5 5M20 4v16', products: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4', fields: 'M5 4v13a3 3 0 0 0 3 3h2M5 9h5M14 9h6M14 20h6', hosts: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18',
	health: 'M3 12h4l3-8 4 16 3-8h4', rules: 'M6 3h9l4 4v14H6zM10 11h5M10 15h5', setup: 'M14.5 6.5a4 4 0 0 0-5 5L4 17v3h3l5.500-5.500a4 4 0 0 0 5-5L15 12l-3-3z', menu: 'M4 7h16M4 12h16M4 17h16',
	generalize: 'M4 12c3-6 5 6 8 0s5 6 8 0', drop: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3', pass: 'M5 12h13M13 7l5 5-5 5', hold: 'M12 7v5l3 2M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16', refuse: 'M6 6l12 12M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16', failed: 'M12 4l9 16H3zM12 10v4M12 17v.5', tunnel: 'M4 17a8 8 0 0 1 16 0M9 17a3 3 0 0 1 6 0',
	event: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 11v5M12 8v.3', check: 'M5 13l4 4L19 7', copy: 'M9 9h11v11H9zM5 15H4V4h11v1', next: 'M9 6l6 6-6 6', back: 'M15 6l-6 6 6 6', down: 'M6 9l6 6 6-6', pause: 'M9 5v14M15 5v14', play: 'M8 5l11 7-11 7z', save: 'M12 4v11M7 11l5 5 5-5M5 20h14', find: 'M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M16 16l4 4', reset: 'M5 12a7 7 0 1 0 2-5M7 3v4h4', link: 'M14 5h5v5M19 5l-8 8M17 14v5H5V7h5', shield: 'M12 3l7 3v6c0 5-3 7.500-7 9-4-1.500-7-4-7-9V6z',
};

export function Icon({ name, small }) {
	return html`<svg class=${'icon' + (small ? ' small' : '')} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${paths[name] ?? paths.event} /></svg>`;
}

export function Verdict({ entry, verdict }) {
	const v = verdict ?? verdictOf(entry);
	return html`<span class=${'badge ' + v} title=${text.verdictHelp[v]}><${Icon} name=${v} />${text.verdict[v] ?? v}</span>`;
}

export function Avatar({ name, id }) {
	const letter = [...(name ?? '')].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? '?';
	return html`<span class=${'avatar' + (id ? ' h' + hue(id) : '')} aria-hidden="true">${letter.toUpperCase()}</span>`;
}

export function Head({ title, lead, children }) {
	useEffect(() => { document.title = `${title} · ${text.name}`; }, [title]);
	return html`<header class="head"><div class="grow"><h1 tabindex="-1" class="wrap">${title}</h1>${lead && html`<p>${lead}</p>`}</div>${children && html`<div class="side-by">${children}</div>`}</header>`;
}

export function Panel({ title, aside, children, id, flush, level = 2 }) {
	return html`<section class="panel" id=${id}>
		${title && html`<div class="title">${level === 2 ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`}${aside && html`<span class="small dim">${aside}</span>`}</div>`}
		<div class=${flush ? 'list' : 'body'}>${children}</div>
	</section>`;
}

export function Empty({ icon = 'left', title, children }) {
	return html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2>${children}</div>`;
}

// Trouble says what went wrong, what to do, and offers to try again.
export function Trouble({ fault, again }) {
	if (!fault || fault.code === 'unauthorized') return null;
	const hint = fault.hint || text.faults[fault.code + '_hint'];
	return html`<div class="fault" role="alert">
		<strong>${text.faults[fault.code] ?? text.faults.failed}</strong>
		${fault.message && html`<span class="wrap">${fault.message}</span>`}
		${hint && html`<span class="wrap">${hint}</span>`}
		${fault.retryAfter > 0 && html`<span>${text.retryIn(fault.retryAfter)}</span>`}
		${fault.faults?.length > 0 && html`<ul>${fault.faults.map((f) => html`<li>${f}</li>`)}</ul>`}
		${again && html`<button class="button tiny" type="button" onClick=${again}>${text.again}</button>`}
	</div>`;
}

// Loaded shows what a useData brought: its fault, that it is on the way, or the children with the data.
export function Loaded({ of, children }) {
	return html`${of.fault && html`<${Trouble} fault=${of.fault} again=${of.again} />`}
		${of.data !== null && of.data !== undefined ? children(of.data) : of.loading && html`<p class="loading" role="status">${text.loading}</p>`}`;
}

export function Copy({ value, label }) {
	return html`<div class="copy"><pre tabindex="0" aria-label=${label}>${value}</pre><${CopyButton} value=${value} label=${label} /></div>`;
}

export function CopyButton({ value, label }) {
	const [done, set] = useState(false);
	const run = async () => {
		if (!(await copyText(value))) return;
		set(true);
		setTimeout(() => set(false), 1600);
	};
	return html`<button class="button tiny" type="button" onClick=${run} aria-label=${label ? `${text.copy}: ${label}` : text.copy}><${Icon} name=${done ? 'check' : 'copy'} small /><span aria-live="polite">${done ? text.copied : text.copy}</span></button>`;
}

// The clipboard API is there only on secure addresses; a house mostly has http://nas:3131.
async function copyText(value) {
	try { await navigator.clipboard.writeText(value); return true; } catch { /* the older way */ }
	const area = document.createElement('textarea');
	area.value = value;
	area.className = 'sr';
	document.body.append(area);
	area.select();
	let done = false;
	try { done = document.execCommand('copy'); } catch { /* not allowed */ }
	area.remove();
	return done;
}

export function Meter({ used, limit, label }) {
	const share = limit > 0 ? Math.min(1, used / limit) : 0;
	const bar = useRef(null);
	useEffect(() => { bar.current.style.width = `${share * 100}%`; }, [share]);
	const state = share > 0.98 ? ' full' : share > 0.85 ? ' near' : '';
	return html`<div class=${'meter' + state} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(share * 100)}><span ref=${bar}></span></div>`;
}

export function Tabs({ label, value, options, onPick }) {
	return html`<div class="tabs" role="group" aria-label=${label}>${options.map(([key, name]) => html`<button type="button" key=${key} aria-pressed=${String(value === key)} onClick=${() => onPick(key)}>${name}</button>`)}</div>`;
}

// toast shows a line for a while, and screen readers say it.
let shelf = null;
export function toast(line, bad) {
	shelf?.(line, bad);
}
export function Toasts() {
	const [list, set] = useState([]);
	shelf = (line, bad) => {
		const one = { line, bad, key: Math.random() };
		set((old) => [...old.slice(-2), one]);
		setTimeout(() => set((old) => old.filter((o) => o !== one)), bad ? 7000 : 3500);
	};
	return html`<div class="toasts" role="status" aria-live="polite">${list.map((t) => html`<div key=${t.key} class=${'toast' + (t.bad ? ' bad' : '')}><${Icon} name=${t.bad ? 'failed' : 'check'} small />${t.line}</div>`)}</div>`;
}

// faultLine is one line of a fault, for a toast.
export const faultLine = (fault) => [text.faults[fault.code] ?? text.faults.failed, fault.message].filter(Boolean).join(': ');

export function RuleLink({ id }) {
	return html`<a class="mono wrap" href=${link('rules', id)}>${id}</a>`;
}

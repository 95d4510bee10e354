// The frame: who is asking, the navigation, the live stream, and the page of the route.
import { html, h, render, useState, useEffect, useRef, useRoute, useData, readRoute, link } from './lib.js';
import { get, post, live } from './api.js';
import { text } from './text.js';
import { until } from './words.js';
import { Icon, Toasts, toast, Trouble } from './parts.js';
import { Boundary } from './boundary.js';

const pages = {
	left: () => import('./pages/left.js'), entry: () => import('./pages/entry.js'), products: () => import('./pages/products.js'), fields: () => import('./pages/fields.js'),
	hosts: () => import('./pages/hosts.js'), health: () => import('./pages/health.js'), rules: () => import('./pages/rules.js'), setup: () => import('./pages/setup.js'), login: () => import('./pages/login.js'),
};
const loaded = new Map();
const fetchPage = (name) => pages[name]().then((m) => { loaded.set(name, m); return m; });
if (pages[readRoute().page]) fetchPage(readRoute().page).catch(() => {}); // while the session is asked for

const shown = ['left', 'products', 'fields', 'hosts', 'rules', 'health', 'setup'];

function App() {
	const [session, setSession] = useState(null);
	const [fault, setFault] = useState(null);
	const [expired, setExpired] = useState(false);
	const known = session !== null && session.access !== 'none';

	const ask = () => get('/session').then((s) => { setSession(s); setFault(null); }, setFault);
	useEffect(() => { ask(); }, []);
	useEffect(() => live.on('expired', () => {
		live.stop();
		setExpired(true);
		setSession((s) => ({ ...(s ?? { password_set: true }), access: 'none' }));
	}), []);
	useEffect(() => {
		if (!fault) return undefined;
		const timer = setTimeout(ask, 2000);
		return () => clearTimeout(timer);
	}, [fault]);
	useEffect(() => {
		if (!known) return undefined;
		live.state = 'opening';
		live.open();
		return () => live.stop();
	}, [known]);

	const entered = (s) => { setExpired(false); setSession(s); };
	if (session === null) return fault ? html`<main class="main alone"><${Trouble} fault=${fault} again=${ask} /></main>` : html`<p class="loading" role="status">${text.loading}</p>`;
	if (!known) return html`<${Page} name="login" session=${session} expired=${expired} entered=${entered} /><${Toasts} />`;
	return html`<${Frame} session=${session} setSession=${setSession} />`;
}

function Frame({ session, setSession }) {
	const route = useRoute();
	const status = useStatus();
	const products = useData('/products', { on: ['changed'] });
	const main = useRef(null);
	const [open, setOpen] = useState(false);
	const page = pages[route.page] && route.page !== 'login' ? route.page : '';
	const place = route.page + '/' + route.rest.join('/');
	const first = useRef(true);

	// The first start shows the set-up: nothing has been seen yet and no page was asked for.
	useEffect(() => {
		if (page || (route.page === '' && !status)) return;
		location.replace(link(route.page === '' && status.first_event === null ? 'setup' : 'left'));
	}, [page, route.page, Boolean(status)]);
	useEffect(() => {
		setOpen(false);
		if (first.current) { first.current = false; return; }
		scrollTo(0, 0);
		main.current?.focus({ preventScroll: true });
	}, [place]);

	const toMain = (e) => { e.preventDefault(); main.current?.focus(); };
	return html`<a class="skip" href="#main" onClick=${toMain}>${text.skip}</a>
	<div class="frame">
		<div class=${'side' + (open ? ' open' : '')} onKeyDown=${(e) => { if (e.key === 'Escape') setOpen(false); }}>
			<a class="brand" href=${link('left')}><img src="icon.svg" alt="" />${text.name}</a>
			<button class="button plain menu-button" type="button" aria-expanded=${String(open)} aria-controls="nav" onClick=${() => setOpen(!open)}><${Icon} name="menu" />${text.menu}</button>
			<nav class="nav" id="nav" aria-label=${text.nav.label}>${shown.map((name) => html`<a key=${name} href=${link(name)} aria-current=${page === name || (name === 'left' && page === 'entry') ? 'page' : null}><${Icon} name=${name} />${text.nav[name]}${name === 'fields' && status?.drift.week > 0 && html`<span class="badge new count">${status.drift.week}<span class="sr"> ${text.fields.newTag}</span></span>`}</a>`)}</nav>
			<div class="foot">
				<${Pulse} />
				<${Theme} />
				${session.access === 'session' && html`<button class="button plain tiny" type="button" onClick=${() => signOut(setSession)}>${text.signOut}</button>`}
				${status && html`<span class="small dim">${text.version(status.version)}</span>`}
			</div>
		</div>
		<main class="main" id="main" ref=${main} tabindex="-1"><${Banners} status=${status} products=${products.data?.products ?? []} />${page && html`<${Page} key=${place} name=${page} route=${route} status=${status} products=${products.data?.products ?? []} session=${session} setSession=${setSession} />`}</main>
	</div><${Toasts} />`;
}

async function signOut(setSession) {
	try { await post('/logout', undefined); } catch { /* the session is over either way */ }
	setSession((s) => ({ ...s, access: 'none' }));
}

// Page loads the file of a page and shows it; a fault of the page stays inside it.
function Page({ name, ...props }) {
	const [module, set] = useState(loaded.get(name) ?? null);
	const [fault, setFault] = useState(null);
	const load = () => {
		setFault(null);
		fetchPage(name).then(set, () => setFault({ code: 'gone', hint: '' }));
	};
	useEffect(() => { if (!module) load(); return live.on('back', () => { if (!loaded.has(name)) load(); }); }, [name]);
	if (fault) return html`<${Trouble} fault=${fault} again=${load} />`;
	if (!module) return html`<p class="loading" role="status">${text.loading}</p>`;
	return html`<${Boundary}>${h(module.default, props)}<//>`;
}

// useStatus keeps the status fresh: every 20 s, on changes, and when the first event comes.
function useStatus() {
	const [status, set] = useState(null);
	useEffect(() => {
		let waiting = 0;
		const ask = () => get('/status').then(set, () => {});
		const soon = () => { if (!waiting) waiting = setTimeout(() => { waiting = 0; ask(); }, 300); };
		ask();
		const timer = setInterval(() => { if (!document.hidden && live.state === 'open') ask(); }, 20000);
		const stops = [live.on('back', ask), live.on('changed', soon), live.on('drift', soon), live.on('entry', (e) => { set((s) => { if (s && s.first_event === null && e.type !== 'event') soon(); return s; }); })];
		return () => { clearInterval(timer); clearTimeout(waiting); stops.forEach((stop) => stop()); };
	}, []);
	return status;
}

function Banners({ status, products }) {
	const state = useLive();
	const [now, tick] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => tick(Date.now()), 5000);
		return () => clearInterval(timer);
	}, []);
	const paused = products.filter((p) => p.pause_until && new Date(p.pause_until) > now);
	return html`<div aria-live="polite">
		${state === 'gone' && html`<div class="banner bad" role="alert"><${Icon} name="failed" /><span>${text.gone}</span></div>`}
		${status?.ledger.fault && html`<div class="banner bad"><${Icon} name="failed" /><span>${text.ledgerFault} <span class="mono wrap">${status.ledger.fault}</span></span></div>`}
		${status?.reload && !status.reload.good && html`<div class="banner"><${Icon} name="event" /><span>${text.reloadFault} <a href=${link('health')}>${text.more}</a></span></div>`}
		${paused.map((p) => html`<div class="banner" key=${p.name}><${Icon} name="pause" /><span class="wrap">${text.pausedBanner(p.title, until(p.pause_until))} <a href=${link('products', p.name)}>${text.products.resume}</a></span></div>`)}
	</div>`;
}

export function useLive() {
	const [state, set] = useState(live.state);
	useEffect(() => { set(live.state); return live.on('state', set); }, []);
	return state;
}

function Pulse() {
	const state = useLive();
	useEffect(() => live.on('back', () => toast(text.back)), []);
	const dot = state === 'open' ? 'good' : state === 'gone' ? 'bad' : 'wait';
	return html`<span class="live"><span class=${'dot ' + dot}></span>${text.live[state] ?? text.live.opening}</span>`;
}

function Theme() {
	const [theme, set] = useState(document.documentElement.dataset.theme ?? 'auto');
	const pick = (e) => {
		const value = e.target.value;
		set(value);
		if (value === 'auto') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = value;
		try { localStorage.setItem('scrim-theme', value); } catch { /* not kept */ }
		dispatchEvent(new Event('themechange'));
	};
	return html`<label class="field small">${text.theme.label}<select value=${theme} onChange=${pick}>${['auto', 'light', 'dark'].map((t) => html`<option value=${t}>${text.theme[t]}</option>`)}</select></label>`;
}

render(html`<${App} />`, document.getElementById('app'));

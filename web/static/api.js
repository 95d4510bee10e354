// The API of scrim: requests, their faults, and the live stream.

const base = new URL('api/v1', document.baseURI).pathname;

// Fault is an answer that is not what was asked for. status 0: scrim did not answer.
export class Fault extends Error {
	constructor(status, body) {
		const e = body?.error ?? {};
		super(e.message ?? '');
		this.status = status;
		this.code = e.code ?? (status === 0 ? 'gone' : 'failed');
		this.hint = e.hint ?? '';
		this.faults = e.faults ?? [];
		this.retryAfter = e.retry_after ?? 0;
	}
}

export function url(path, params) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params ?? {})) {
		for (const v of [value].flat()) if (v !== '' && v !== null && v !== undefined) query.append(name, v);
	}
	const q = String(query);
	return base + path + (q ? '?' + q : '');
}

async function ask(method, path, { params, body, signal } = {}) {
	let answer;
	try {
		answer = await fetch(url(path, params), {
			method, signal, credentials: 'same-origin', redirect: 'error', cache: 'no-store',
			headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
	} catch (e) {
		if (signal?.aborted) throw e;
		live.lost();
		throw new Fault(0);
	}
	let data = null;
	if (answer.status !== 204) {
		try { data = await answer.json(); } catch (e) { if (signal?.aborted) throw e; }
	}
	if (answer.ok) return data;
	const fault = new Fault(answer.status, data);
	if (answer.status === 401 && path !== '/login' && path !== '/password') live.tell('expired', fault);
	throw fault;
}

export const get = (path, params, signal) => ask('GET', path, { params, signal });
export const post = (path, body) => ask('POST', path, { body });
export const remove = (path) => ask('DELETE', path);

// live is the one stream of this page. state: idle, opening, open, gone. Listeners: entry, counters, skipped,
// changed, drift, hello, state, back (open after gone), expired.
export const live = {
	state: 'idle',
	cursor: '',
	source: null,
	listeners: new Map(),
	timer: 0,
	tries: 0,

	on(what, fn) {
		if (!this.listeners.has(what)) this.listeners.set(what, new Set());
		this.listeners.get(what).add(fn);
		return () => this.listeners.get(what).delete(fn);
	},
	tell(what, data) {
		for (const fn of [...(this.listeners.get(what) ?? [])]) fn(data);
	},
	become(state) {
		if (this.state === state) return;
		const before = this.state;
		this.state = state;
		this.tell('state', state);
		if (state === 'open' && before === 'gone') this.tell('back');
	},

	open() {
		this.close();
		if (this.state !== 'gone') this.become('opening');
		const source = new EventSource(url('/events', { after: this.cursor }));
		this.source = source;
		source.addEventListener('hello', (e) => {
			this.tries = 0;
			this.unset();
			if (!this.cursor) this.cursor = parse(e.data)?.cursor ?? '';
			this.become('open');
			this.tell('hello');
		});
		for (const what of ['entry', 'counters', 'skipped', 'changed', 'drift']) {
			source.addEventListener(what, (e) => {
				if (e.lastEventId) this.cursor = e.lastEventId;
				const data = parse(e.data);
				if (data !== null) this.tell(what, data);
			});
		}
		source.onerror = () => { if (this.source === source) this.lost(); };
	},
	close() {
		this.source?.close();
		this.source = null;
	},
	// lost is called when scrim does not answer; it looks again by itself, ever more slowly, up to every 5 s.
	lost() {
		if (this.state === 'idle') return;
		this.close();
		this.become('gone');
		if (!this.timer) this.later();
	},
	later() {
		this.unset();
		this.timer = setTimeout(() => { this.timer = 0; this.look(); }, Math.min(5000, 500 * 2 ** this.tries++));
	},
	unset() {
		clearTimeout(this.timer);
		this.timer = 0;
	},
	async look() {
		try {
			const answer = await fetch(url('/session'), { cache: 'no-store', credentials: 'same-origin' });
			if (!answer.ok) throw new Error('not ready');
			if ((await answer.json()).access === 'none') {
				this.stop();
				this.tell('expired', null);
				return;
			}
			this.open();
		} catch { /* still gone */ }
		this.later(); // until hello comes
	},
	stop() {
		this.close();
		this.unset();
		this.tries = 0;
		this.state = 'idle';
		this.tell('state', 'idle');
	},
};

function parse(data) {
	try { return JSON.parse(data); } catch { return null; }
}

// A page out of sight gives its connection back after a minute: browsers allow six to one address.
let hiding = 0;
addEventListener('visibilitychange', () => {
	clearTimeout(hiding);
	if (document.hidden) {
		hiding = setTimeout(() => { if (live.state === 'open') { live.close(); live.state = 'asleep'; } }, 60000);
	} else if (live.state === 'asleep') {
		live.state = 'opening';
		live.open();
	}
});

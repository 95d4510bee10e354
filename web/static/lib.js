// Preact with htm, and the few hooks that every page uses.
import { h, render, Fragment } from './vendor/preact.js';
import { useState, useEffect, useRef, useMemo, useCallback } from './vendor/hooks.js';
import htm from './vendor/htm.js';
import { get, live, Fault } from './api.js';

export const html = htm.bind(h);
export { h, render, Fragment, useState, useEffect, useRef, useMemo, useCallback };

// useData fetches path and keeps what it had while it fetches anew. It fetches anew when scrim is back
// after it was gone, and when one of the live events named in `on` comes. path null: nothing is fetched.
export function useData(path, { on = [], params } = {}) {
	const [state, set] = useState({ data: null, fault: null, loading: path !== null });
	const [turn, setTurn] = useState(0);
	const key = path === null ? null : path + JSON.stringify(params ?? {});
	const again = useCallback(() => setTurn((n) => n + 1), []);
	useEffect(() => {
		if (key === null) return undefined;
		const stop = new AbortController();
		set((s) => ({ data: s.key === key ? s.data : null, key, fault: null, loading: true }));
		get(path, params, stop.signal).then(
			(data) => set({ data, key, fault: null, loading: false }),
			(fault) => { if (!stop.signal.aborted) set((s) => ({ ...s, fault, loading: false })); },
		);
		return () => stop.abort();
	}, [key, turn]);
	useEffect(() => {
		const stops = ['back', ...on].map((what) => live.on(what, again));
		return () => stops.forEach((stop) => stop());
	}, [on.join()]);
	return { ...state, again, put: (data) => set((s) => ({ ...s, data, fault: null })) };
}

// useEvery runs fn each ms milliseconds while the page is visible.
export function useEvery(ms, fn) {
	const latest = useRef(fn);
	latest.current = fn;
	useEffect(() => {
		const timer = setInterval(() => { if (!document.hidden) latest.current(); }, ms);
		return () => clearInterval(timer);
	}, [ms]);
}

// useRoute says where we are: {page, rest, query} of #/page/rest?query.
export function readRoute(hash = location.hash) {
	const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
	const [page, ...rest] = path.split('/').map(decode);
	return { page: page || '', rest, query: new URLSearchParams(query) };
}

function decode(part) {
	try { return decodeURIComponent(part); } catch { return part; }
}

export function useRoute() {
	const [route, set] = useState(readRoute);
	useEffect(() => {
		const read = () => set(readRoute());
		addEventListener('hashchange', read);
		return () => removeEventListener('hashchange', read);
	}, []);
	return route;
}

// link writes a place in the UI: link('entry', id), link('left', {verdict: 'drop'}).
export function link(page, ...rest) {
	const last = rest.at(-1);
	const query = last && typeof last === 'object' ? new URLSearchParams(Object.entries(last).filter(([, v]) => v)) : null;
	if (last && typeof last === 'object') rest = rest.slice(0, -1);
	const path = [page, ...rest].map(encodeURIComponent).join('/');
	return '#/' + path + (query && String(query) ? '?' + query : '');
}

export { Fault };

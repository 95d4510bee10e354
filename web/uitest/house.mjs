// A small house for the browser: serves static/ and the fixture by the API's own description, so that pages and
// their states can be seen without a proxy. An answer that openapi.json does not allow fails the test.
import http from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';
import * as fixture from './fixture.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(process.env.SCRIM_UITEST_MODULES ?? here, 'package.json'));
const Ajv = require('ajv/dist/2020').default;
const formats = require('ajv-formats').default;
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export class House {
	constructor() {
		this.now = Date.now();
		this.over = {}; // path -> (default answer) => answer, or {status, error}
		this.session = { access: 'loopback', password_set: true };
		this.streams = new Set();
		this.faults = [];
		this.asked = [];
		this.bytes = new Map();
		this.entries = fixture.entries(this.now);
		this.products = fixture.products(this.now);
	}

	async start(port = 0) {
		const document = JSON.parse(await readFile(path.join(here, '../openapi.json')));
		this.document = document;
		if (!document.components.schemas.Entry.properties.says) for (const e of this.entries) delete e.says;
		this.ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
		formats(this.ajv);
		this.ajv.addSchema(document, 'api');
		this.server = http.createServer((q, a) => this.serve(q, a).catch((e) => { this.faults.push(String(e)); a.writeHead(500).end(); }));
		await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
		this.port = this.server.address().port;
		this.url = `http://127.0.0.1:${this.port}/`;
		return this;
	}

	async stop() {
		for (const s of this.streams) s.end();
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	tell(event, data, id = '') {
		for (const s of this.streams) s.write(`event: ${event}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`);
	}

	// arrive adds an entry, as traffic would.
	arrive(entry) {
		this.entries.unshift(entry);
		this.tell('entry', entry, entry.id);
	}

	async serve(q, a) {
		const url = new URL(q.url, this.url);
		const headers = { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache' };
		if (url.pathname.startsWith('/api/')) return this.api(q, a, url, headers);
		if (/^\/(ca\.|favicon)/.test(url.pathname)) return a.writeHead(204, headers).end();
		const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
		if (name.includes('..')) return a.writeHead(404, headers).end();
		let body;
		try { body = await readFile(path.join(here, '../static', name)); } catch { return a.writeHead(404, headers).end(); }
		this.bytes.set(name, body.length);
		return a.writeHead(200, { ...headers, 'Content-Type': types[path.extname(name)] ?? 'application/octet-stream' }).end(body);
	}

	async api(q, a, url, headers) {
		const name = url.pathname.replace('/api/v1', '');
		if (name === '/events') return this.stream(q, a, headers);
		if (name === '/setup/qr.svg') return a.writeHead(200, { ...headers, 'Content-Type': 'image/svg+xml' }).end(code());
		let text = '';
		for await (const chunk of q) text += chunk;
		const body = text ? JSON.parse(text) : undefined;
		this.asked.push({ method: q.method, path: name, body, params: url.searchParams });
		let answer = this.answer(q.method, name, body, url.searchParams);
		const over = this.over[`${q.method} ${name}`] ?? this.over[name];
		if (over) answer = over(answer, body);
		const status = answer?.status ?? 200;
		const data = answer?.status ? (answer.error ? { error: answer.error } : null) : answer;
		if (data !== null && !answer?.loose) this.check(q.method, name, status, data);
		if (answer?.loose) delete data.loose;
		if (data === null) return a.writeHead(status === 200 ? 204 : status, headers).end();
		return a.writeHead(status, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(data));
	}

	stream(q, a, headers) {
		a.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' });
		a.write(`event: hello\ndata: ${JSON.stringify({ time: new Date().toISOString(), cursor: 'c0' })}\n\n`);
		this.streams.add(a);
		q.on('close', () => this.streams.delete(a));
	}

	answer(method, name, body, params) {
		const now = this.now;
		const [, first, second, third, fourth] = name.split('/').map(decodeURIComponent);
		const product = this.products.products.find((p) => p.name === second);
		switch (`${method} ${first}`) {
		case 'GET session': return this.session;
		case 'POST login': return body.password === 'correct horse' ? (this.session = { access: 'session', password_set: true, expires: fixture.iso(now + 86400000) }) : { status: 401, error: { code: 'unauthorized', message: 'that is not the password' } };
		case 'POST password': return (this.session = { access: 'session', password_set: true, expires: fixture.iso(now + 86400000) });
		case 'POST logout': this.session = { access: 'none', password_set: true }; return null;
		case 'GET status': return fixture.status(now);
		case 'GET charts': return fixture.charts(now, Number(params.get('days') ?? 30));
		case 'GET coverage': return fixture.coverage(now);
		case 'GET drift': return fixture.drift(now);
		case 'GET hosts': return fixture.hosts(now);
		case 'GET fields': return fixture.fields(now);
		case 'GET setup': return fixture.setup(now);
		case 'GET config': return fixture.config();
		case 'GET tokens': return { tokens: [{ id: 'k3v9', name: 'grafana', created: fixture.iso(now - 86400000) }] };
		case 'POST verify': return { ok: true, records: 18231, from: 'local-1' };
		case 'POST reload': return { time: fixture.iso(now), good: true, faults: [], later: [] };
		case 'GET rules': return fixture.rules(now);
		case 'POST rules': return second === 'explain' ? fixture.explanation() : { status: 404, error: { code: 'not_found', message: 'no such path' } };
		case 'POST profile': this.products.profile = body.profile; return this.products;
		case 'GET products': return this.products;
		case 'DELETE products': product.pause_until = null; return product;
		case 'POST products':
			if (third === 'pause') product.pause_until = body.until ?? fixture.iso(Date.now() + body.minutes * 60000);
			if (third === 'profile') Object.assign(product, body.profile === 'default' ? { profile: 'generalized', profile_origin: 'default' } : { profile: body.profile, profile_origin: '/var/lib/scrim/choices.yaml:9:5' });
			if (third === 'kinds') Object.assign(product.kinds.find((k) => k.name === fourth), body.switch === 'default' ? { switch: 'generalize', origin: 'default' } : { switch: body.switch, origin: '/var/lib/scrim/choices.yaml:4:5' });
			return product;
		case 'GET entries': return second ? this.entry(second) : this.list(params);
		default: return { status: 404, error: { code: 'not_found', message: 'no such path' } };
		}
	}

	entry(id) {
		const e = this.entries.find((x) => x.id === id);
		return e ? fixture.detail(e, this.now) : { status: 404, error: { code: 'not_found', message: `no entry ${id}` } };
	}

	list(params) {
		if (params.get('after')) return { entries: [], newer: 'c0' };
		const all = this.entries.filter((e) => ['product', 'verdict', 'kind', 'rule', 'host', 'client'].every((k) => !params.get(k) || e[k] === params.get(k)) && (!params.get('type') || params.get('type').split(',').includes(e.type)) && (!params.get('text') || `${e.host} ${e.rule}`.toLowerCase().includes(params.get('text').toLowerCase())));
		const from = Number(params.get('before') ?? 0);
		const to = from + Number(params.get('limit') ?? 50);
		return { entries: all.slice(from, to), newer: 'c0', ...(to < all.length ? { older: String(to) } : {}) };
	}

	// check holds an answer against the description.
	check(method, name, status, data) {
		const parts = name.split('/');
		const found = Object.keys(this.document.paths).find((p) => {
			const want = p.replace('/api/v1', '').split('/');
			return want.length === parts.length && want.every((w, i) => w.startsWith('{') || w === parts[i]) && this.document.paths[p][method.toLowerCase()];
		});
		if (!found) return;
		const answers = this.document.paths[found][method.toLowerCase()].responses;
		let ref = answers[status] ? `api#/paths/${found.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema` : 'api#/components/schemas/Error';
		const validate = this.ajv.getSchema(ref) ?? this.ajv.compile({ $ref: ref });
		if (!validate(data)) this.faults.push(`${method} ${name}: ${this.ajv.errorsText(validate.errors).slice(0, 300)}`);
	}
}

// code is a stand-in for a QR code.
function code() {
	let squares = '';
	for (let y = 0; y < 25; y++) for (let x = 0; x < 25; x++) if ((x * 7 + y * 13 + x * y) % 3 === 0) squares += `M${x} ${y}h1v1h-1z`;
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 25 25"><rect width="25" height="25" fill="#fff"/><path d="${squares}"/></svg>`;
}

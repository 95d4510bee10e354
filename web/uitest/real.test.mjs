// The UI on scrim itself: a switch changes what the origin receives, and what happens is on the page at once.
// SCRIM_BINARY is scrim; SCRIM_ORIGIN_CERT and SCRIM_ORIGIN_KEY are of analytics.plex.tv and plex.tv.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import https from 'node:https';
import http from 'node:http';
import net from 'node:net';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { browse, pages, watch } from './browse.mjs';

let chromium, dir, origin, scrim, web, collector;
const received = [];
const said = [];

before(async () => {
	dir = await mkdtemp(path.join(tmpdir(), 'scrim-real-'));
	origin = https.createServer({ cert: await readFile(process.env.SCRIM_ORIGIN_CERT), key: await readFile(process.env.SCRIM_ORIGIN_KEY) }, (q, a) => {
		let body = '';
		q.on('data', (d) => { body += d; });
		q.on('end', () => { received.push({ path: q.url, body }); a.writeHead(200).end('{}'); });
	});
	await new Promise((done) => origin.listen(0, '127.0.0.1', done));
	[web, collector] = [await free(), await free()];
	await writeFile(path.join(dir, 'c.yaml'), `version: 1\nstate_dir: ${dir}/state\nlisten: {proxy: "127.0.0.1:0", collector: "127.0.0.1:${collector}", web: "127.0.0.1:${web}"}\nupstream:\n  roots: ${process.env.SCRIM_ORIGIN_CERT}\n  hosts: {analytics.plex.tv: "127.0.0.1:${origin.address().port}"}\nledger: {originals: memory}\n`);
	await start();
	chromium = await browse();
});
after(async () => {
	await chromium?.done();
	await stop();
	origin.closeAllConnections();
	origin.close();
	await rm(dir, { recursive: true, force: true });
});

function free() {
	return new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
}

async function start() {
	scrim = spawn(process.env.SCRIM_BINARY, ['serve', '--config', path.join(dir, 'c.yaml')]);
	for (const s of [scrim.stdout, scrim.stderr]) s.on('data', (d) => said.push(String(d)));
	for (let i = 0; i < 200; i++) {
		try { if ((await fetch(home() + 'readyz')).ok) return; } catch { /* not yet */ }
		await new Promise((done) => setTimeout(done, 50));
	}
	throw new Error('scrim did not start: ' + said.join(''));
}

async function stop() {
	if (!scrim || scrim.exitCode !== null) return;
	const ended = new Promise((done) => scrim.once('exit', done));
	scrim.kill('SIGTERM');
	await ended;
}

const home = () => `http://127.0.0.1:${web}/`;

// send is one event of a product, through the collector door.
function send(event, properties = {}) {
	return new Promise((done, fail) => {
		const q = http.request({ host: '127.0.0.1', port: collector, method: 'POST', path: '/analytics.plex.tv/collect/event', headers: { 'Content-Type': 'text/plain;charset=UTF-8' } }, (a) => { a.resume(); a.on('end', () => done(a.statusCode)); });
		q.on('error', fail);
		q.end(JSON.stringify({ event, userId: 271828182, deviceIdentifier: 'k3v9q0t7m2w8x1c5b6n4r8ya', properties }));
	});
}

async function look(hash) {
	const page = await chromium.newPage({ viewport: { width: 1280, height: 900 }, locale: 'en' });
	page.setDefaultTimeout(8000);
	const seen = await watch(page, home());
	await page.goto(home() + hash);
	return { page, seen };
}

function good(seen, allow = /^$/) {
	assert.deepEqual(seen.foreign, []);
	assert.deepEqual(seen.violations, []);
	assert.deepEqual(seen.errors.filter((e) => !allow.test(e)), []);
}

test('the first start shows the set-up, and the first event turns it green within a second', async () => {
	const { page, seen } = await look('');
	await page.getByText('Waiting for your first event').waitFor();
	await send('client:click', { action: 'play', page: '<img src=x onerror="window.hurt=1">' });
	await page.waitForSelector('.first-event.came', { timeout: 1000 });
	good(seen);
	await page.close();
});

test('a switch changes what the origin receives, and the page shows it', async () => {
	const { page, seen } = await look('#/products/plex/interaction');
	const group = page.getByRole('group', { name: 'Clicks and pages of Plex' });
	await send('client:click', { action: 'stop' });
	assert.equal(received.length, 0, 'held back by default');
	await group.getByLabel('Let through').check();
	await page.getByText('Clicks and pages: Let through').waitFor();
	await send('client:click', { action: 'seek' });
	assert.equal(received.length, 1);
	assert.match(received[0].body, /"action":"seek"/);
	await page.goto(home() + '#/left');
	await page.getByText('Left unchanged').last().waitFor();
	const start = Date.now();
	await send('client:click', { action: 'again' });
	await page.waitForFunction(() => document.querySelectorAll('.row .badge.pass').length === 2, null, { timeout: 1000 });
	console.log(`on the page ${Date.now() - start} ms after it was sent`);
	await page.goto(home() + '#/products/plex/interaction');
	await page.getByRole('button', { name: 'As configured' }).click();
	await page.waitForFunction(() => document.querySelector('.kind.goal input:checked')?.value === 'drop');
	await send('client:click', { action: 'gone' });
	assert.equal(received.length, 2, 'held back again');
	good(seen);
	await page.close();
});

test('every page works on what scrim answers', async () => {
	await send('playback:itemend', { type: 'movie', duration: 6000, playbackTime: 5900, bitrate: 4608 });
	const { page, seen } = await look('#/left');
	for (const hash of [...Object.values(pages).filter((h) => !h.startsWith('#/entry')), '#/entry/last']) {
		await page.goto(home() + hash);
		await page.waitForSelector('main h1');
		await page.waitForTimeout(300);
		assert.equal(await page.locator('main .fault').count(), 0, `${hash}: ${await page.locator('main').innerText()}`);
		assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, hash);
	}
	await page.getByText('As it came').waitFor();
	await page.goto(home() + '#/rules');
	await page.getByLabel('URL').fill('https://analytics.plex.tv/collect/event');
	await page.getByLabel('Body').fill('{"event":"client:click","properties":{"action":"play"}}');
	await page.getByRole('button', { name: 'Explain' }).click();
	await page.locator('.answer').getByText('Nothing would leave').waitFor();
	await page.goto(home() + '#/health');
	await page.getByRole('button', { name: 'Verify the chain' }).click();
	await page.getByText(/^Whole: /).waitFor();
	assert.equal(await page.evaluate(() => window.hurt), undefined);
	good(seen);
	await page.close();
});

test('the page recovers by itself when scrim starts anew', async () => {
	const { page, seen } = await look('#/left');
	await page.waitForSelector('.row');
	const before = await page.locator('.row').count();
	await stop();
	await page.getByText('scrim does not answer. This page looks again by itself').waitFor();
	await start();
	await send('client:click', { action: 'after' });
	await page.waitForFunction((n) => document.querySelectorAll('.row').length > n && !document.querySelector('.banner.bad'), before);
	good(seen, /ERR_/);
	await page.close();
});

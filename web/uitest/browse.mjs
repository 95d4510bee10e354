// Chromium by playwright-core, with a profile of its own.
import { createRequire } from 'node:module';
import path from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(process.env.SCRIM_UITEST_MODULES ?? here, 'package.json'));
const { chromium } = require('playwright-core');
export const axeSource = require.resolve('axe-core/axe.min.js');

export const pages = {
	left: '#/left', entry: '#/entry/local-900', kept: '#/entry/local-898', products: '#/products', fields: '#/fields', hosts: '#/hosts', health: '#/health', rules: '#/rules', setup: '#/setup',
};

export async function browse() {
	const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
	const home = await mkdtemp(path.join(tmpdir(), 'scrim-chromium-'));
	const browser = await chromium.launch({ executablePath: process.env.SCRIM_CHROMIUM ?? '/usr/bin/chromium', headless: true, args: [...args, `--crash-dumps-dir=${home}`], env: { ...process.env, HOME: home } });
	browser.done = async () => {
		await browser.close();
		await rm(home, { recursive: true, force: true });
	};
	return browser;
}

// watch notes what a page must not do: ask other hosts, break the content security policy, log errors.
export async function watch(page, home) {
	const seen = { foreign: [], violations: [], errors: [] };
	page.on('request', (q) => { if (!q.url().startsWith(home) && !q.url().startsWith('blob:')) seen.foreign.push(q.url()); });
	page.on('console', (m) => {
		if (/Content Security Policy|TrustedHTML|TrustedScript/.test(m.text())) seen.violations.push(m.text());
		else if (m.type() === 'error') seen.errors.push(m.text());
	});
	page.on('pageerror', (e) => seen.errors.push(String(e)));
	await page.exposeFunction('scrimViolation', (line) => { seen.violations.push(line); });
	await page.addInitScript(() => { addEventListener('securitypolicyviolation', (e) => window.scrimViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`)); });
	return seen;
}

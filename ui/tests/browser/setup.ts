import type { TestProject } from 'vitest/node';
import { browserServer, built, served } from './stage.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    page: string;
    browser: string;
  }
}

/** Builds and serves the page and starts the browser, once for all files. */
export default async function setup(project: TestProject) {
  const server = await served(await built('fake'));
  const browser = await browserServer();
  project.provide('page', server.url);
  project.provide('browser', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await server.stop();
  };
}

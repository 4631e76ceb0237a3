import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Recipes","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/recipes/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/recipes/"}],["meta",{"property":"og:title","content":"Recipes"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]]},"headers":[],"relativePath":"recipes/index.md","filePath":"docs/recipes/README.md","lastUpdated":1795872366000}');
const _sfc_main = { name: "recipes/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="recipes" tabindex="-1">Recipes <a class="header-anchor" href="#recipes" aria-label="Permalink to &quot;Recipes&quot;">​</a></h1><p>Code for the places where locks are needed most. The tests run every example.</p><p>In your framework:</p><ul><li><a href="/recipes/token-refresh.html">Token refresh with RTK Query and axios</a>: one request for a new token, shared by all callers.</li><li><a href="/recipes/web-servers.html">Express, Nest and Next.js</a>: one request at a time for each order, user or file.</li><li><a href="/recipes/react-and-vue.html">React and Vue</a>: saves in order, and no work for a component that is gone.</li><li><a href="/recipes/config-file-and-cron.html">A config file and a cron job</a>: command line tools that rewrite one file, a job on three machines.</li></ul><p>Whole applications:</p><ul><li><a href="/recipes/hub.html">A hub of tools</a>: the tools of many servers behind one registry, while servers come, change and leave. The code is published as <code>latchkey/adapters/hub</code>.</li><li><a href="/recipes/session-manager.html">A session manager</a>: sessions that several requests use at once and that expire. The code is published as <code>latchkey/adapters/session-manager</code>.</li><li><a href="/recipes/graceful-shutdown.html">A graceful shutdown</a>: finish what runs, reject what waits, refuse what comes.</li><li><a href="/recipes/pools.html">Pools: connections and worker threads</a>: expensive resources, lent to one caller at a time.</li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/recipes/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};

import { useSSRContext, defineAsyncComponent, resolveComponent, withCtx, unref, createVNode } from "vue";
import { ssrRenderAttrs, ssrRenderComponent } from "vue/server-renderer";
const __pageData = JSON.parse('{"title":"What a lock costs in your browser","description":"Measure latchkey and other packages against the same promises without a lock, in your own browser.","frontmatter":{"title":"What a lock costs in your browser","description":"Measure latchkey and other packages against the same promises without a lock, in your own browser.","layout":"page","sidebar":false,"editLink":false,"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/overhead.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/overhead.html"}],["meta",{"property":"og:title","content":"What a lock costs in your browser"}],["meta",{"property":"og:description","content":"Measure latchkey and other packages against the same promises without a lock, in your own browser."}]]},"headers":[],"relativePath":"overhead.md","filePath":"site/pages/overhead.md","lastUpdated":1795874179000}');
const __default__ = { name: "overhead.md" };
const _sfc_main = /* @__PURE__ */ Object.assign(__default__, {
  __ssrInlineRender: true,
  setup(__props) {
    const Overhead = defineAsyncComponent(() => import("./Overhead.Bt8aZaFX.js"));
    return (_ctx, _push, _parent, _attrs) => {
      const _component_ClientOnly = resolveComponent("ClientOnly");
      _push(`<div${ssrRenderAttrs(_attrs)}><main class="theatre-page"><h1 id="what-a-lock-costs-in-your-browser" tabindex="-1">What a lock costs in your browser <a class="header-anchor" href="#what-a-lock-costs-in-your-browser" aria-label="Permalink to &quot;What a lock costs in your browser&quot;">​</a></h1><p>Each row compares packages with a <em>floor</em>: the same promises without a lock. 1.00 × would mean that the lock costs nothing. The <a href="/performance.html">performance page</a> has the full measurement.</p>`);
      _push(ssrRenderComponent(_component_ClientOnly, null, {
        default: withCtx((_, _push2, _parent2, _scopeId) => {
          if (_push2) {
            _push2(ssrRenderComponent(unref(Overhead), null, null, _parent2, _scopeId));
          } else {
            return [
              createVNode(unref(Overhead))
            ];
          }
        }),
        _: 1
      }, _parent));
      _push(`</main></div>`);
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/overhead.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
export {
  __pageData,
  _sfc_main as default
};
